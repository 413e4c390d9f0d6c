//! How Errand signs its work: the bot as author, the requester and the agent as trailers.
