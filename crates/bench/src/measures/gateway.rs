//! What the gateway costs: the same bytes and requests straight over the loopback and through the entrance of a
//! sandbox, one after the other. Host, gateway and client share this machine's cores, as they do where both ends of a
//! connection are on it. Client and host have one thread each, the gateway has two. Transfers are made by curl, and by
//! a client that does nothing but read or write, which is as hard as it can be for the gateway.

mod curl;
mod doors;
mod host;
mod line;

use crate::figure::{Figures, Unit, milliseconds, percentile};
use anyhow::{Context, Result, ensure};
use curl::Curl;
use doors::Doors;
use host::Host;
use line::{Line, Way};
use std::time::{Duration, Instant};

/// Bytes of one transfer.
const BYTES: usize = 512 << 20;
/// Transfers of each kind, one warming up.
const RUNS: usize = 16;
/// How much longer a transfer may take than without the gateway: a tunnel, and TLS that is opened.
const TUNNEL_TARGET: f64 = 1.0 / 0.6;
const OPENED_TARGET: f64 = 1.0 / 0.4;
/// Requests of which the median counts, and milliseconds that the gateway may add to it.
const REQUESTS: usize = 2000;
const ADDED_TARGET_MS: f64 = 0.5;
/// Connections that another two agents hold open, in all, and the pause between the requests on each.
const OTHERS: usize = 1000;
const OTHERS_PAUSE: Duration = Duration::from_secs(1);

/// Measures all.
pub fn measure(figures: &mut Figures) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(all(figures))
}

async fn all(figures: &mut Figures) -> Result<()> {
    let host = Host::start()?;
    let doors = Doors::open(&host)?;
    transfers(figures, &host, &doors).await?;
    requests(figures, &host, &doors).await?;
    crowd(figures, &doors).await
}

async fn transfers(figures: &mut Figures, host: &Host, doors: &Doors) -> Result<()> {
    let curl = Curl::new(BYTES as u64)?;
    let straight = Way::straight(host.tls, Some(host.authority.clone()));
    let opened = ("opened TLS", straight, doors.opened(0)?, OPENED_TARGET);
    let tunnel = ("a tunnel", Way::straight(host.plain, None), doors.tunnel(0)?, TUNNEL_TARGET);
    for (what, straight, through, target) in [tunnel, opened] {
        for direction in ["down", "up"] {
            let (mut times, mut bare) = (Ratios::default(), Ratios::default());
            for round in 0..RUNS {
                // The first warms up.
                let is_kept = round > 0;
                let plain = curl.transfer(&straight, direction)?;
                times.add(is_kept, plain, curl.transfer(&through, direction)?);
                let plain = transfer(&straight, direction).await?;
                bare.add(is_kept, plain, transfer(&through, direction).await?);
            }
            let name = format!("512 MiB {direction} by curl without the gateway, beside {what}");
            figures.add(&name, Unit::Seconds, times.without);
            let name = format!("  longer through {what}");
            figures.add_with_target(&name, Unit::Times, times.longer, target);
            let name = format!("  the same by a bare client without the gateway, {direction}");
            figures.add(&name, Unit::Seconds, bare.without);
            let name = format!("    longer through {what}");
            figures.add(&name, Unit::Times, bare.longer);
        }
    }
    Ok(())
}

/// Times without the gateway, and how much longer it took through it.
#[derive(Default)]
struct Ratios {
    without: Vec<f64>,
    longer: Vec<f64>,
}

impl Ratios {
    fn add(&mut self, is_kept: bool, without: f64, through: f64) {
        if is_kept {
            self.without.push(without);
            self.longer.push(through / without);
        }
    }
}

/// Seconds that one takes, on a connection that is there.
async fn transfer(way: &Way, direction: &str) -> Result<f64> {
    let mut line = Line::open(way).await.context("connect")?;
    line.request().await.context("ask once")?;
    let begun = Instant::now();
    match direction {
        "down" => line.fetch(BYTES).await?,
        _ => line.send(BYTES).await?,
    }
    Ok(begun.elapsed().as_secs_f64())
}

async fn requests(figures: &mut Figures, host: &Host, doors: &Doors) -> Result<()> {
    let straight = times(
        &mut Line::open(&Way::straight(host.tls, Some(host.authority.clone()))).await?,
        REQUESTS,
    )
    .await?;
    let through = times(&mut Line::open(&doors.opened(0)?).await?, REQUESTS).await?;
    let added = percentile(&through, 50.0) - percentile(&straight, 50.0);
    figures.add("one request over TLS without the gateway", Unit::Milliseconds, straight);
    figures.add("  through it", Unit::Milliseconds, through);
    figures.add_with_target("  added, median", Unit::Milliseconds, vec![added], ADDED_TARGET_MS);
    Ok(())
}

/// Milliseconds of each, ascending.
async fn times(line: &mut Line, count: usize) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for _ in 0..count {
        let begun = Instant::now();
        line.request().await?;
        times.push(milliseconds(begun.elapsed()));
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

async fn crowd(figures: &mut Figures, doors: &Doors) -> Result<()> {
    let mut own = Line::open(&doors.opened(0)?).await?;
    let alone = times(&mut own, REQUESTS).await?;
    let ways =
        (0..OTHERS).map(|number| doors.opened(1 + number % 2)).collect::<Result<Vec<_>>>()?;
    let (opened, mut all_open) = tokio::sync::mpsc::channel(OTHERS);
    let others = std::thread::spawn(move || hold(ways, &opened));
    for _ in 0..OTHERS {
        all_open.recv().await.context("one of many did not connect")?;
    }
    let beside = times(&mut own, REQUESTS).await?;
    ensure!(!others.is_finished(), "one of {OTHERS} connections failed");
    let name = "one request while it is alone, 99 of 100";
    figures.add(name, Unit::Milliseconds, vec![percentile(&alone, 99.0)]);
    let beside = vec![percentile(&beside, 99.0)];
    figures.add("  while two others hold 1,000 connections", Unit::Milliseconds, beside);
    figures.compare_to(name);
    Ok(())
}

/// Asks something on each of these now and then, until one fails.
fn hold(ways: Vec<Way>, opened: &tokio::sync::mpsc::Sender<()>) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut others = tokio::task::JoinSet::new();
        for (number, way) in ways.into_iter().enumerate() {
            let mut line = Line::open(&way).await.context("one of many")?;
            opened.send(()).await?;
            others.spawn(async move {
                // Spread over the pause, as those of many programs are.
                tokio::time::sleep(OTHERS_PAUSE.mul_f64(number as f64 / OTHERS as f64)).await;
                while line.request().await.is_ok() {
                    tokio::time::sleep(OTHERS_PAUSE).await;
                }
            });
        }
        others.join_next().await;
        Ok(())
    })
}
