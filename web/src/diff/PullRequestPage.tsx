/** A pull request kept by Errand. */
export default function PullRequestPage() {
  return <h2 className="visually-hidden">Pull request</h2>;
}
