/** The machine of an agent. */
export default function MachinePage() {
  return <h2 className="visually-hidden">Machine</h2>;
}
