/** What was said and done. */
export default function ConversationPage() {
  return <h2 className="visually-hidden">Conversation</h2>;
}
