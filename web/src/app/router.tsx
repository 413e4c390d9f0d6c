import { createBrowserRouter, Navigate } from "react-router";
import { CrashPage } from "./CrashPage";
import { MissingPage } from "./MissingPage";
import { LazyPage, pages } from "./pages";
import { Shell } from "./Shell";

// Pages of one place are told apart by their key, or the first would stay.
const page = (name: keyof typeof pages) => <LazyPage key={name} code={pages[name]} />;

/** Every address of the app. */
export const router = createBrowserRouter([
  { path: "/sign-in", element: page("signIn") },
  {
    element: <Shell />,
    errorElement: <CrashPage />,
    children: [
      { index: true, element: page("home") },
      { path: "/new", element: page("new") },
      { path: "/welcome", element: page("welcome") },
      {
        path: "/agents/:id",
        element: page("agent"),
        children: [
          { index: true, element: page("conversation") },
          { path: "changes", element: page("changes") },
          { path: "machine/*", element: page("machine") },
          { path: "pull-requests/:number", element: page("pullRequest") },
        ],
      },
      { path: "/settings/*", element: page("settings") },
      { path: "/agents", element: <Navigate to="/" replace /> },
      { path: "*", element: <MissingPage /> },
    ],
  },
]);
