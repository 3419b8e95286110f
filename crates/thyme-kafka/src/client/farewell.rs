//! Letting go of a client.

/// Lets go of a client that is in no group and has nothing under way, without waiting: closing one takes a tenth of a second.
/// For where the process goes on: one that ended meanwhile would take OpenSSL from under the client.
pub(crate) fn part<C: Send + 'static>(client: C) {
    // Without a thread it is closed here and now, with the closure.
    let _ = std::thread::Builder::new().name("thyme-kafka".into()).spawn(move || drop(client));
}
