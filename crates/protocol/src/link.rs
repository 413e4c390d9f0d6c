//! How the server speaks to a guest.
