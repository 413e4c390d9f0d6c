//! Models for programs inside sandboxes: which are offered, under which placeholder of a key, and how
//! what they use is counted.
//!
//! ```text
//! question ─ offer? ─ ModelAsked (so much is set aside) ─ provider ─ answer passes ─ ModelCalled (told)
//! ```
//!
//! Read in this order: `offer` is what there is, `call` carries one question out. The gateway has
//! judged path and placeholder before anything comes here (`gateway::model_endpoint`).

mod call;
mod offer;

use crate::app::{App, AppCell};
use crate::config::Models as Config;
use anyhow::Result;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use gateway::audit::Peer;
use gateway::model_endpoint::{Action, Models, Provider, Question, Refused, Stream};
use gateway::policy::DenialCode;
use http::{HeaderValue, Response, StatusCode, header};
use model::catalog::Catalog;
use model::passage::{Wire, question};
use offer::{Offer, Offers};
use protocol::ids::AgentId;
use std::sync::Arc;

/// Where the gateway answers for models inside a sandbox.
const ENDPOINT: &str = "http://errand.internal/model";
/// The variable that holds the placeholder.
const TOKEN: &str = "ERRAND_MODEL_TOKEN";
/// For each provider: where clients look for its address and its key, and further variables of keys.
const VARIABLES: [(Provider, &str, &str, &str, &[&str]); 3] = [
    (
        Provider::Anthropic,
        "ANTHROPIC_BASE_URL",
        "/anthropic",
        "ANTHROPIC_API_KEY",
        &["ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"],
    ),
    (Provider::Openai, "OPENAI_BASE_URL", "/openai/v1", "OPENAI_API_KEY", &["CODEX_API_KEY"]),
    (Provider::Gemini, "GOOGLE_GEMINI_BASE_URL", "/gemini", "GEMINI_API_KEY", &["GOOGLE_API_KEY"]),
];

/// Passes questions of programs inside on to the operator's providers.
pub struct ModelsInside {
    offers: Offers,
    key: [u8; 32],
    app: Arc<AppCell>,
}

impl ModelsInside {
    /// As configured; none where the operator does not want it.
    pub fn of(
        config: &Config,
        catalog: &Catalog,
        key: &[u8; 32],
        app: &Arc<AppCell>,
    ) -> Result<Option<Arc<Self>>> {
        let offers = Offers::of(config, catalog)?;
        Ok(config.inside.then(|| Arc::new(Self { offers, key: *key, app: Arc::clone(app) })))
    }

    fn passage(
        &self,
        question: &Question,
    ) -> Result<(Wire, Arc<Offer>, Bytes, call::Cost), Refused> {
        let (wire, in_path) = match &question.action {
            Action::Messages => (Wire::Anthropic, None),
            Action::CountTokens => (Wire::AnthropicCount, None),
            Action::Responses => (Wire::OpenaiResponses, None),
            Action::ChatCompletions => (Wire::OpenaiChat, None),
            Action::Generate { model } => (Wire::Gemini, Some(model)),
            Action::StreamGenerate { model } => (Wire::GeminiStream, Some(model)),
            Action::List | Action::Show { .. } => return Err(unlisted("", &self.offers)),
        };
        let read = question::Question::read(wire, &question.body).map_err(|bad| {
            Refused::wrong(StatusCode::BAD_REQUEST, format!("Errand refused the request: {bad}."))
        })?;
        let name = in_path.or(read.model.as_ref()).ok_or_else(|| {
            let words = "Errand refused the request: the field model is missing.";
            Refused::wrong(StatusCode::BAD_REQUEST, words)
        })?;
        let offer = self.offers.find(wire, name).ok_or_else(|| unlisted(name, &self.offers))?;
        let aside = read.aside(&offer.capabilities);
        let cost = call::Cost::new(name, &aside, offer.price);
        Ok((wire, offer, read.amended(question.body.clone()), cost))
    }

    async fn answer(&self, peer: Peer, question: Question) -> Result<Response<Stream>, Refused> {
        match &question.action {
            Action::List => return Ok(whole(self.offers.list(question.provider))),
            Action::Show { model } => {
                let found = self.offers.show(question.provider, model);
                return found.map(whole).ok_or_else(|| unlisted(model, &self.offers));
            }
            Action::Messages
            | Action::CountTokens
            | Action::Responses
            | Action::ChatCompletions
            | Action::Generate { .. }
            | Action::StreamGenerate { .. } => {}
        }
        let (wire, offer, body, cost) = self.passage(&question)?;
        let Some(app) = self.app.get() else {
            return Err(Refused::wrong(StatusCode::SERVICE_UNAVAILABLE, "Errand is starting."));
        };
        let Question { query, headers, .. } = question;
        // The listed name, not what the sandbox wrote: of Gemini it becomes part of the address.
        let url = wire.url(offer.base_url.as_str(), &offer.name);
        let url = query.map_or(url.clone(), |query| format!("{url}?{query}"));
        call::carry_out(app, peer, call::Call { wire, offer, url, headers, body, cost }).await
    }
}

impl Models for ModelsInside {
    fn placeholder(&self, agent: AgentId) -> String {
        let hash = blake3::keyed_hash(&self.key, format!("models inside {agent}").as_bytes());
        let hex = hash.to_hex();
        format!("errand-{}", hex.get(..40).unwrap_or_default())
    }

    fn ask(
        &self,
        peer: Peer,
        question: Question,
    ) -> BoxFuture<'_, Result<Response<Stream>, Refused>> {
        Box::pin(self.answer(peer, question))
    }
}

fn whole(text: String) -> Response<Stream> {
    let bytes = futures::stream::once(async move { Ok(Bytes::from(text)) }).boxed();
    let mut response = Response::new(bytes);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn unlisted(name: &str, offers: &Offers) -> Refused {
    let name: String = name.chars().take(100).collect();
    let words = format!(
        "Errand refused the model {name:?}: it is not listed for this way of asking. Listed are {}. The \
         operator can add models under [[models.list]] in errand.toml.",
        offers.names()
    );
    Refused::denied(DenialCode::ModelNotAllowed, words)
}

/// The variables of an agent's commands, with those by which programs find models. What the agent was
/// given itself stays: an own key would be refused at our address, and ours is worth nothing elsewhere.
pub fn variables(
    app: &App,
    agent: AgentId,
    mut own: Vec<(String, String)>,
) -> Vec<(String, String)> {
    let Some(models) = &app.models_inside else { return own };
    let placeholder = models.placeholder(agent);
    for (provider, address, path, key, others) in VARIABLES {
        let names = [address, key].into_iter().chain(others.iter().copied());
        let is_given = names.into_iter().any(|name| own.iter().any(|(given, _)| given == name));
        if !is_given && models.offers.has(provider) {
            own.push((address.to_owned(), format!("{ENDPOINT}{path}")));
            own.push((key.to_owned(), placeholder.clone()));
        }
    }
    own.push((TOKEN.to_owned(), placeholder));
    own
}
