//! x
use server::config::Config;
fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(
            "debug,hyper=info,sqlx=info,reqwest=info,hyper_util=info",
        ))
        .with_writer(std::io::stderr)
        .init();
    let a: Vec<String> = std::env::args().collect();
    let data = std::path::PathBuf::from(&a[1]);
    let config = Config::load(None, &data)?;
    let binaries = std::path::PathBuf::from(&a[2]);
    let p = server::serve::prepare(server::serve::Options { data, config, binaries })?;
    let rt = tokio::runtime::Runtime::new()?;
    rt.block_on(server::serve::run(p, Default::default(), |u, _| println!("ready {u}")))
}
