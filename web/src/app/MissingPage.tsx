import { Compass } from "lucide-react";
import { Link } from "react-router";
import { EmptyState } from "../ui/EmptyState";
import { PageHeader } from "./PageHeader";

/** For addresses that lead nowhere. */
export function MissingPage() {
  return (
    <>
      <PageHeader title="Not found" />
      <EmptyState icon={<Compass />} title="There is no page at this address">
        <p>
          It may have moved, or the address was cut when it was copied.{" "}
          <Link to="/">Go to your agents</Link>
        </p>
      </EmptyState>
    </>
  );
}
