//! What the tests share: a scripted server, models that point at it, and a conversation driver.

use fakes::scripted::script::{Script, Turn};
use fakes::scripted::{Options, Server};
use futures::StreamExt;
use model::catalog::{Catalog, CatalogOptions, Compatible, ModelEntry, compatible_capabilities};
use model::conversation::{Message, Part, Request, ToolSpec};
use model::dialect::Dialect;
use model::error::ModelError;
use model::http::HttpClient;
use model::piece::{Finish, Piece};
use model::{Capabilities, Model, Thinking};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

pub const DIALECTS: [Dialect; 3] =
    [Dialect::Anthropic, Dialect::OpenaiResponses, Dialect::OpenaiChat];
pub const KEY: &str = "sk-test-1234567890";
/// Short enough for tests of silence, long enough for a busy machine.
pub const STALL: Duration = Duration::from_millis(1_500);

/// A server and models that ask it.
pub struct World {
    pub server: Server,
    http: HttpClient,
}

impl World {
    pub async fn new(script: Script) -> Self {
        let require_reasoning_content = true;
        Self::with(script, Options { require_reasoning_content, ..Options::default() }).await
    }

    pub async fn of(turns: Vec<Turn>) -> Self {
        Self::new(Script::custom(turns)).await
    }

    pub async fn with(script: Script, options: Options) -> Self {
        let server = Server::start_with(script, options).await.unwrap();
        let http = HttpClient::new().unwrap().with_stall_timeout(STALL);
        Self { server, http }
    }

    pub fn entry(&self, dialect: Dialect) -> Arc<ModelEntry> {
        let (url, thinking) = match dialect {
            Dialect::Anthropic => (self.server.url(), Thinking::Adaptive),
            Dialect::OpenaiResponses | Dialect::OpenaiChat => {
                (self.server.openai_url(), Thinking::Effort)
            }
        };
        let compatible = Compatible {
            name: "scripted".to_owned(),
            base_url: url.parse().unwrap(),
            key: Some(KEY.into()),
            dialect,
            models: vec!["a-model".to_owned()],
            capabilities: Capabilities { images: true, thinking, ..compatible_capabilities() },
        };
        let options = CatalogOptions { compatible: vec![compatible], ..CatalogOptions::default() };
        let catalog = Catalog::from_options(options).unwrap();
        Arc::clone(catalog.find("a-model").unwrap())
    }

    pub fn model(&self, dialect: Dialect) -> Arc<dyn Model> {
        Catalog::open(&self.entry(dialect), &self.http)
    }

    pub async fn ask(&self, dialect: Dialect, request: &Request) -> Result<Finish, ModelError> {
        finish(self.model(dialect).stream(request)).await
    }

    /// Asks until the model calls no more tools; every call is answered with `ok`.
    pub async fn converse(&self, dialect: Dialect, prompt: &str) -> (Vec<Finish>, Request) {
        let model = self.model(dialect);
        let mut request = request(prompt);
        let mut answers = Vec::new();
        loop {
            let answer = finish(model.stream(&request)).await.unwrap();
            request.messages.push(Arc::new(answer.to_message()));
            let results = results(&answer);
            answers.push(answer);
            if results.is_empty() {
                return (answers, request);
            }
            request.messages.push(Arc::new(Message::tool_results(results)));
        }
    }
}

/// Reads a stream to its end.
pub async fn finish(mut pieces: model::PieceStream) -> Result<Finish, ModelError> {
    let mut finish = None;
    while let Some(piece) = pieces.next().await {
        assert!(finish.is_none(), "a piece came after the finished answer");
        if let Piece::Finished(finished) = piece? {
            finish = Some(finished);
        }
    }
    Ok(finish.expect("a stream ends with a finished answer or an error"))
}

/// A good result for each call of an answer.
pub fn results(answer: &Finish) -> Vec<Part> {
    let result = |part: &Part| match part {
        Part::ToolCall { id, .. } => Some(Part::tool_result(id, "ok")),
        _ => None,
    };
    answer.parts.iter().filter_map(result).collect()
}

/// A request with the usual tools.
pub fn request(prompt: &str) -> Request {
    let path =
        json!({"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]});
    let edit = json!({"type": "object", "properties": {
        "path": {"type": "string"}, "old_string": {"type": "string"}, "new_string": {"type": "string"}}});
    let shell = json!({"type": "object", "properties": {"command": {"type": "string"}}});
    Request {
        system: vec!["You work without supervision.".into(), "The project is small.".into()],
        tools: Arc::from(vec![
            ToolSpec::new("read_file", "Reads a file.", &path),
            ToolSpec::new("edit_file", "Edits a file.", &edit),
            ToolSpec::new("shell", "Runs a command.", &shell),
        ]),
        messages: vec![Arc::new(Message::user_text(prompt))],
        cache_key: Some("bc-1".to_owned()),
        ..Request::default()
    }
}
