import { type ComponentType, lazy, Suspense } from "react";
import { createBrowserRouter, Navigate } from "react-router";
import { CrashPage } from "./CrashPage";
import { MissingPage } from "./MissingPage";
import { PageSkeleton } from "./PageSkeleton";
import { Shell } from "./Shell";

/** A page that is fetched when it is first opened. */
function page(load: () => Promise<{ default: ComponentType }>) {
  const Page = lazy(load);
  return (
    <Suspense fallback={<PageSkeleton />}>
      <Page />
    </Suspense>
  );
}

/** Every address of the app. */
export const router = createBrowserRouter([
  { path: "/sign-in", element: page(() => import("../settings/SignInPage")) },
  {
    element: <Shell />,
    errorElement: <CrashPage />,
    children: [
      { index: true, element: page(() => import("../home/HomePage")) },
      { path: "/new", element: page(() => import("../home/NewPage")) },
      { path: "/welcome", element: page(() => import("../home/WelcomePage")) },
      {
        path: "/agents/:id",
        element: page(() => import("../agent/AgentPage")),
        children: [
          { index: true, element: page(() => import("../agent/ConversationPage")) },
          { path: "changes", element: page(() => import("../diff/ChangesPage")) },
          { path: "machine/*", element: page(() => import("../machine/MachinePage")) },
          {
            path: "pull-requests/:number",
            element: page(() => import("../diff/PullRequestPage")),
          },
        ],
      },
      { path: "/settings/*", element: page(() => import("../settings/SettingsPage")) },
      { path: "/agents", element: <Navigate to="/" replace /> },
      { path: "*", element: <MissingPage /> },
    ],
  },
]);
