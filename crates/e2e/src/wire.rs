//! A wire to the server that is cut now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The near end of it.
pub struct Wire {
    /// What to call instead of the server.
    pub url: String,
    cut: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Wire {
    /// To the server at this address. One connection after the other is cut once so many bytes have
    /// gone through it, in both directions together; later ones never.
    pub async fn to(server: &str, cuts: &[u64]) -> Self {
        let far = server.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let cut = Arc::new(AtomicUsize::new(0));
        let (cuts, counted) = (cuts.to_vec(), Arc::clone(&cut));
        let task = tokio::spawn(async move {
            loop {
                let Ok((near, _)) = listener.accept().await else { return };
                let Ok(far) = TcpStream::connect(&far).await else { continue };
                let (cuts, counted) = (cuts.clone(), Arc::clone(&counted));
                tokio::spawn(async move {
                    let most = cuts.get(counted.load(Ordering::SeqCst)).copied();
                    if carry(near, far, most.unwrap_or(u64::MAX)).await.is_err() {
                        counted.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        Self { url, cut, task }
    }

    /// How often it was cut so far.
    pub fn cut(&self) -> usize {
        self.cut.load(Ordering::SeqCst)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Cut;

async fn carry(near: TcpStream, far: TcpStream, most: u64) -> Result<(), Cut> {
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let left = AtomicU64::new(most);
    tokio::try_join!(pump(near_in, far_out, &left), pump(far_in, near_out, &left)).map(drop)
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    left: &AtomicU64,
) -> Result<(), Cut> {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let Ok(count) = from.read(&mut bytes).await else { return Ok(()) };
        if count == 0 {
            // Nobody is left who could be told.
            drop(to.shutdown().await);
            return Ok(());
        }
        let had = left.fetch_sub((count as u64).min(left.load(Ordering::SeqCst)), Ordering::SeqCst);
        if had <= count as u64 {
            return Err(Cut);
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return Ok(());
        }
    }
}
