//! A whole server on loopback, without machines: what it serves is real, what it cannot make fails.

use axum::body::Bytes;
use gateway::address::Floor;
use gateway::attach::{CONNECTION_IDLE, Gateway, Parts};
use gateway::budget::Limits;
use gateway::resolve::SystemResolver;
use gateway::tls::Trust;
use git::runner::Git;
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Method, Request, StatusCode, header};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use model::http::HttpClient;
use protocol::event::{Mode, ModelChoice, Settings};
use protocol::ids::{AgentId, LayerId, OrgId, RunId};
use protocol::input::Input;
use sandbox::isolation::IsolationReport;
use sandbox::provider::{
    Capabilities, GatewaySocket, LinkStream, Machine, Provider, ProviderError, SandboxKey,
    SandboxSpec,
};
use serde_json::Value;
use server::agents::{Extras, Handle};
use server::app::{App, AppCell};
use server::auth::addresses::Addresses;
use server::aws::Aws;
use server::builder::Builders;
use server::config::Config;
use server::forges::Forges;
use server::images::Images;
use server::keys::Keys;
use server::privileges::Identity;
use server::pull_requests::StoredPullRequests;
use server::rate::Rate;
use server::seeds::Seeds;
use server::signing::SigningKeys;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use store::Store;
use tokio::net::TcpListener;
use uuid::Uuid;

/// Makes nothing.
struct NoMachines;

fn none<T>() -> Result<T, ProviderError> {
    Err(ProviderError::Unavailable("there are no machines here".to_owned()))
}

#[async_trait::async_trait]
impl Provider for NoMachines {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: "none".to_owned(),
            stop_keeps_disk: false,
            gateway_sockets: false,
            snapshots: false,
        }
    }
    async fn validate(&self, _layers: &[LayerId]) -> Result<IsolationReport, ProviderError> {
        none()
    }
    async fn create(&self, _: &SandboxSpec) -> Result<Machine, ProviderError> {
        none()
    }
    async fn find(&self, _: SandboxKey) -> Result<Option<Machine>, ProviderError> {
        Ok(None)
    }
    async fn stop(&self, _: SandboxKey) -> Result<(), ProviderError> {
        Ok(())
    }
    async fn destroy(&self, _: SandboxKey) -> Result<(), ProviderError> {
        Ok(())
    }
    async fn list(&self) -> Result<Vec<Machine>, ProviderError> {
        Ok(Vec::new())
    }
    async fn connect(&self, _: SandboxKey) -> Result<LinkStream, ProviderError> {
        none()
    }
    async fn gateway_sockets(&self, _: SandboxKey) -> Result<Vec<GatewaySocket>, ProviderError> {
        none()
    }
}

/// A server that listens.
pub struct House {
    pub app: Arc<App>,
    pub address: SocketAddr,
    pub admin: String,
    /// What the gateway of the server tells.
    pub gateway: Arc<server::audit::Channel>,
    folder: tempfile::TempDir,
    serving: tokio::task::JoinSet<()>,
}

impl Drop for House {
    fn drop(&mut self) {
        self.app.shutdown.cancel();
    }
}

/// A gateway for nobody.
fn parts(told: Arc<server::audit::Channel>) -> Parts {
    Parts {
        destinations: Arc::new(gateway::transparent::KernelDestinations),
        floor: Floor::new(Default::default(), Vec::new()).unwrap(),
        resolver: Arc::new(SystemResolver),
        audit: told,
        trust: Trust::new(rustls::RootCertStore::empty()).unwrap(),
        limits: Limits::default(),
        models: None,
        roles: None,
        witness: None,
        readings: None,
        idle: CONNECTION_IDLE,
    }
}

async fn app(
    data: &Path,
    config: Config,
    address: SocketAddr,
    (cell, told): (Arc<AppCell>, Arc<server::audit::Channel>),
) -> App {
    let store = Store::open(data).await.unwrap();
    let (keys, _) = Keys::open(data, 0).unwrap();
    let public_url = match config.public_url.as_str() {
        "" => format!("http://{address}"),
        url => url.to_owned(),
    };
    let windows = told.windows();
    App {
        builders: Builders::default(),
        catalog: server::catalog::catalog(&config.models).unwrap(),
        models_inside: None,
        aws: Arc::new(Aws::new(&config.aws, HttpClient::new().unwrap())),
        http: HttpClient::new().unwrap(),
        git: Git::new().unwrap(),
        far_end: None,
        identity: Identity::Ordinary { uid: 1000 },
        provider: Arc::new(NoMachines),
        base: None,
        images: Images::open(data, &config.images).unwrap(),
        seeds: Seeds::open(&store).await.unwrap(),
        signing: SigningKeys::open(&store).await.unwrap(),
        gateway: Gateway::new(parts(told)),
        windows,
        cell,
        forges: Forges::open(&store, HttpClient::new().unwrap().inner().clone()).await.unwrap(),
        pull_requests: Arc::new(StoredPullRequests(store.clone())),
        machines: Default::default(),
        agents: server::agents::Agents::new(store.clone()),
        addresses: Addresses::new(&config, address, &public_url).unwrap(),
        first_looks: server::first_look::FirstLooks::default(),
        saved_environments: Default::default(),
        rotation: Default::default(),
        secrets: Default::default(),
        starts: server::starts::Starts::open(data).unwrap(),
        previews: Default::default(),
        terminals: Default::default(),
        manifests: Default::default(),
        judged: Default::default(),
        browsers: Default::default(),
        ssh_key: server::ssh::HostKey::open(data).unwrap(),
        auth: Default::default(),
        presence: Default::default(),
        roster: Default::default(),
        rate: Rate::new(&config.api),
        holder: "test".to_owned(),
        tasks: Default::default(),
        shutdown: Default::default(),
        keys,
        store,
        link_key: [7; 32],
        public_url,
        data: data.to_owned(),
        config,
    }
}

/// What tests run with: a model that nobody answers for.
pub fn config() -> Config {
    let mut config = Config::default();
    config.models.scripted_url = "http://127.0.0.1:9".to_owned();
    config
}

impl House {
    /// A fresh server.
    pub async fn open() -> Self {
        Self::with(config()).await
    }

    /// A fresh server, configured.
    pub async fn with(config: Config) -> Self {
        Self::on(tempfile::tempdir().unwrap(), config).await
    }

    /// The same data, another process's life.
    pub async fn again(mut self) -> Self {
        self.app.shutdown.cancel();
        self.serving.shutdown().await;
        self.app.store.close().await;
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        Self::on(folder, config()).await
    }

    async fn on(folder: tempfile::TempDir, config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cell = Arc::<AppCell>::default();
        let (gateway, _) = server::audit::channel(&cell);
        let gateway = Arc::new(gateway);
        let app = Arc::new(app(folder.path(), config, address, (cell, Arc::clone(&gateway))).await);
        app.cell.fill(&app);
        let admin = std::fs::read_to_string(folder.path().join("admin-token")).unwrap();
        let router = server::router::router(Arc::clone(&app));
        let mut serving = tokio::task::JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        serving.spawn(server::roster::tell(Arc::clone(&app)));
        Self { app, address, admin: admin.trim().to_owned(), gateway, folder, serving }
    }

    /// A request that can be dressed.
    pub fn ask(&self, method: Method, path: &str) -> Ask<'_> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, self.address.to_string().parse().unwrap());
        Ask { house: self, method, path: path.to_owned(), headers, body: Bytes::new() }
    }

    /// A GET with the installation's own key.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path).key(&self.admin).send().await
    }

    /// A POST with the installation's own key.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path).key(&self.admin).json(&body).send().await
    }

    /// Where our own pages come from.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Another key's token and id.
    pub async fn key(&self, name: &str) -> (String, String) {
        let made = self.post("/v1/api-keys", serde_json::json!({ "name": name })).await.json();
        let text = |field: &str| made[field].as_str().unwrap().to_owned();
        (text("token"), text("id"))
    }

    /// Signs a browser in and gives its cookie.
    pub async fn sign_in(&self, token: &str) -> String {
        let body = serde_json::json!({ "token": token });
        let answer = self.ask(Method::POST, "/v1/session").json(&body).send().await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
        answer.cookie()
    }

    /// A ticket for the browser with this cookie.
    pub async fn ticket(&self, cookie: &str) -> String {
        let ask = self.ask(Method::POST, "/v1/tickets").page(cookie).json(&serde_json::json!({}));
        ask.send().await.json()["ticket"].as_str().unwrap().to_owned()
    }

    /// An agent that nobody drives.
    pub async fn agent(&self) -> Arc<Handle> {
        let id = AgentId::from_uuid(Uuid::now_v7());
        let handle = self.app.agents.handle(&OrgId::default_org(), id);
        let input = Input::Open {
            agent: id,
            settings: Box::new(opened()),
            inherited: Vec::new(),
            run: RunId::from_uuid(Uuid::now_v7()),
            prompt: protocol::content::Prompt::of(
                "work".to_owned(),
                protocol::content::Source::Owner,
            ),
            options: Default::default(),
        };
        handle.submit(input, Extras::default()).await.unwrap();
        handle
    }
}

fn opened() -> Settings {
    Settings {
        name: "An agent".to_owned(),
        principal: "admin".to_owned(),
        opener: Some("admin".to_owned()),
        repos: Vec::new(),
        model: ModelChoice { id: "scripted".to_owned(), params: Vec::new() },
        mode: Mode::default(),
        auto_create_pr: false,
        skip_reviewer_request: false,
        pull: Default::default(),
        work_on_current_branch: false,
        branch_name: None,
        branch: String::new(),
        env_names: Vec::new(),
        startup_commands: Vec::new(),
        metadata: Default::default(),
        privacy_mode: false,
        limits: Default::default(),
        provider: "local".to_owned(),
        layers: Vec::new(),
        may_have_image: false,
        image: None,
        build: None,
        forked_from: None,
        extra: None,
    }
}

/// Something happens to an agent, this many times.
pub async fn rename(handle: &Handle, name: &str, times: usize) {
    for number in 0..times {
        let input = Input::Rename { name: format!("{name} {number}") };
        handle.submit(input, Extras::default()).await.unwrap();
    }
}

/// A request in the making.
pub struct Ask<'a> {
    house: &'a House,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Ask<'_> {
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    pub fn key(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// As our own page asks.
    pub fn page(self, cookie: &str) -> Self {
        let origin = self.house.origin();
        self.header("cookie", cookie).header("origin", &origin).header("x-errand-client", "web")
    }

    pub fn json(self, body: &Value) -> Self {
        self.body(body.to_string())
    }

    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub async fn send(self) -> Answer {
        let uri = format!("http://{}{}", self.house.address, self.path);
        let mut request =
            Request::builder().method(self.method).uri(uri).body(Full::new(self.body)).unwrap();
        *request.headers_mut() = self.headers;
        let client = Client::builder(TokioExecutor::new()).build_http();
        let response = client.request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Status and code of a refusal.
    pub fn refusal(&self) -> (u16, String) {
        let code = self.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
        (self.status.as_u16(), code)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// `name=value` of the cookie that was set.
    pub fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap().to_owned()
    }
}
