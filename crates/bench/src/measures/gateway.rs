//! What the gateway costs: the same bytes and requests straight over the loopback and through the entrance of a
//! sandbox, one after the other. Host, gateway and client share this machine's cores, as they do where both ends of a
//! connection are on it; the gateway has a runtime of its own.

mod doors;
mod host;
mod line;

use crate::figure::{Figures, Unit, milliseconds, percentile};
use anyhow::{Context, Result, ensure};
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
pub async fn measure(figures: &mut Figures) -> Result<()> {
    let host = Host::start()?;
    let doors = Doors::open(&host)?;
    transfers(figures, &host, &doors).await?;
    requests(figures, &host, &doors).await?;
    crowd(figures, &doors).await
}

async fn transfers(figures: &mut Figures, host: &Host, doors: &Doors) -> Result<()> {
    let tunnel = (Way::straight(&host.plain), doors.tunnel(0)?);
    let opened = (Way::straight_tls(host)?, doors.opened(0)?);
    for (what, (straight, through), target) in
        [("a tunnel", tunnel, TUNNEL_TARGET), ("opened TLS", opened, OPENED_TARGET)]
    {
        for direction in ["down", "up"] {
            let (mut without, mut ratios) = (Vec::new(), Vec::new());
            for round in 0..RUNS {
                let plain = transfer(&straight, direction).await?;
                let carried = transfer(&through, direction).await?;
                if round > 0 {
                    without.push(plain);
                    ratios.push(carried / plain);
                }
            }
            let name = format!("512 MiB {direction} without the gateway, beside {what}");
            figures.add(&name, Unit::Seconds, without);
            let name = format!("  longer through {what}");
            figures.add_with_target(&name, Unit::Times, ratios, target);
        }
    }
    Ok(())
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
    let straight = times(&mut Line::open(&Way::straight_tls(host)?).await?, REQUESTS).await?;
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
    let mut others = tokio::task::JoinSet::new();
    for number in 0..OTHERS {
        let mut line = Line::open(&doors.opened(1 + number % 2)?).await.context("one of many")?;
        others.spawn(async move {
            // Spread over the pause, as those of many programs are.
            tokio::time::sleep(OTHERS_PAUSE.mul_f64(number as f64 / OTHERS as f64)).await;
            // Ends where one fails, which is looked for below.
            while line.request().await.is_ok() {
                tokio::time::sleep(OTHERS_PAUSE).await;
            }
        });
    }
    let beside = times(&mut own, REQUESTS).await?;
    ensure!(others.try_join_next().is_none(), "one of {OTHERS} connections failed");
    let name = "one request while it is alone, 99 of 100";
    figures.add(name, Unit::Milliseconds, vec![percentile(&alone, 99.0)]);
    let beside = vec![percentile(&beside, 99.0)];
    figures.add("  while two others hold 1,000 connections", Unit::Milliseconds, beside);
    figures.compare_to(name);
    Ok(())
}
