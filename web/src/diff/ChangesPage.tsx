/** What an agent changed. */
export default function ChangesPage() {
  return <h2 className="visually-hidden">Changes</h2>;
}
