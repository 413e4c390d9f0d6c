//! Which models there are: entries from configuration with their capabilities, parameters and price.
//!
//! The caller passes values in; nothing here reads the environment. The first entry is the default.

use crate::dialect::Dialect;
use crate::endpoint::Endpoint;
use crate::http::HttpClient;
use crate::price::{self, Price};
use crate::{Capabilities, Model, Thinking};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::sync::Arc;
use url::Url;

/// Where Anthropic answers.
const ANTHROPIC_URL: &str = "https://api.anthropic.com";
/// Where OpenAI answers.
const OPENAI_URL: &str = "https://api.openai.com/v1";
/// The id of the scripted model, which follows a script instead of thinking.
pub const SCRIPTED_ID: &str = "scripted";

/// One model that can be chosen.
#[derive(Debug, Clone)]
pub struct ModelEntry {
    /// The id of the public API.
    pub id: String,
    /// For people.
    pub display_name: String,
    /// One sentence for people.
    pub description: String,
    /// Other names it answers to.
    pub aliases: Vec<String>,
    /// The wire format.
    pub dialect: Dialect,
    /// The provider's name of the model.
    pub upstream: String,
    /// Where the provider answers.
    pub base_url: Url,
    /// The live key; never leaves the server.
    pub key: Option<SecretString>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// What may be chosen per request.
    pub parameters: Vec<Parameter>,
    /// What it costs; `None` when unknown.
    pub price: Option<Price>,
}

/// Something that may be chosen per request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its id (`effort`, `thinking`).
    pub id: String,
    /// The values it may have.
    pub values: Vec<String>,
}

/// A parameter was given that the model does not have, or with a value that it does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// No such parameter.
    #[error("the model {model} has no parameter {parameter}")]
    Unknown {
        /// The model's id.
        model: String,
        /// The parameter's id.
        parameter: String,
    },
    /// No such value.
    #[error("the parameter {parameter} takes one of: {}", .values.join(", "))]
    Value {
        /// The parameter's id.
        parameter: String,
        /// What it takes.
        values: Vec<String>,
    },
}

impl ModelEntry {
    /// Whether the entry answers to this id or alias.
    pub fn is_called(&self, name: &str) -> bool {
        self.id == name || self.aliases.iter().any(|alias| alias == name)
    }

    /// Checks chosen parameters, so that none is dropped in silence later.
    pub fn check_parameters(
        &self,
        chosen: &BTreeMap<String, String>,
    ) -> Result<(), ParameterError> {
        for (id, value) in chosen {
            let Some(parameter) = self.parameters.iter().find(|parameter| parameter.id == *id)
            else {
                let (model, parameter) = (self.id.clone(), id.clone());
                return Err(ParameterError::Unknown { model, parameter });
            };
            if !parameter.values.contains(value) {
                let (parameter, values) = (id.clone(), parameter.values.clone());
                return Err(ParameterError::Value { parameter, values });
            }
        }
        Ok(())
    }
}

/// Where a provider answers and with which key; `base_url: None` is the vendor's own address.
#[derive(Debug, Clone, Default)]
pub struct Vendor {
    /// Address, where it is not the vendor's.
    pub base_url: Option<Url>,
    /// The key.
    pub key: Option<SecretString>,
}

/// A server that speaks one of the dialects (vLLM, Ollama, LiteLLM, OpenRouter, …).
#[derive(Debug, Clone)]
pub struct Compatible {
    /// Name for people.
    pub name: String,
    /// Address, with `/v1` where the server has it.
    pub base_url: Url,
    /// The key, where the server wants one.
    pub key: Option<SecretString>,
    /// The wire format.
    pub dialect: Dialect,
    /// The server's names of its models.
    pub models: Vec<String>,
    /// What its models can do; [`compatible_capabilities`] when not told.
    pub capabilities: Capabilities,
}

/// What a configuration says about models.
#[derive(Debug, Clone, Default)]
pub struct CatalogOptions {
    /// Anthropic, when configured.
    pub anthropic: Option<Vendor>,
    /// OpenAI, when configured.
    pub openai: Option<Vendor>,
    /// Other servers.
    pub compatible: Vec<Compatible>,
    /// The scripted model's address, for demonstrations and tests.
    pub scripted_url: Option<Url>,
    /// Entries written out in full; they replace built-in ones of the same id.
    pub entries: Vec<ModelEntry>,
    /// Id or alias of the default model; else the first entry.
    pub default: Option<String>,
}

/// A configuration of models that makes no sense.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CatalogError {
    /// Two entries answer to one name.
    #[error("two models answer to the name {0}")]
    Ambiguous(String),
    /// The default model is not in the catalog.
    #[error("the default model {0} is not configured")]
    NoDefault(String),
}

/// The models that can be chosen.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    entries: Vec<Arc<ModelEntry>>,
}

impl Catalog {
    /// The catalog that a configuration describes.
    pub fn from_options(options: CatalogOptions) -> Result<Self, CatalogError> {
        let mut entries = options.entries;
        let mut built_in = Vec::new();
        built_in.extend(options.anthropic.iter().flat_map(anthropic_entries));
        built_in.extend(options.openai.iter().flat_map(openai_entries));
        built_in.extend(options.compatible.iter().flat_map(compatible_entries));
        built_in.extend(options.scripted_url.map(scripted_entry));
        built_in.retain(|entry| !entries.iter().any(|own| own.id == entry.id));
        entries.extend(built_in);
        reject_ambiguous(&entries)?;
        if let Some(name) = options.default {
            let position = entries.iter().position(|entry| entry.is_called(&name));
            let default = entries.remove(position.ok_or(CatalogError::NoDefault(name))?);
            entries.insert(0, default);
        }
        Ok(Self { entries: entries.into_iter().map(Arc::new).collect() })
    }

    /// All entries, the default first.
    pub fn entries(&self) -> &[Arc<ModelEntry>] {
        &self.entries
    }

    /// The entry with this id or alias.
    pub fn find(&self, name: &str) -> Option<&Arc<ModelEntry>> {
        self.entries.iter().find(|entry| entry.is_called(name))
    }

    /// The model for whoever chose none; `None` when nothing is configured.
    pub fn default_entry(&self) -> Option<&Arc<ModelEntry>> {
        self.entries.first()
    }

    /// The model of an entry, ready to be asked.
    pub fn open(entry: &Arc<ModelEntry>, http: &HttpClient) -> Arc<dyn Model> {
        Arc::new(Endpoint::new(Arc::clone(entry), http.clone()))
    }
}

fn reject_ambiguous(entries: &[ModelEntry]) -> Result<(), CatalogError> {
    let names = |entry: &ModelEntry| {
        std::iter::once(entry.id.clone()).chain(entry.aliases.clone()).collect::<Vec<_>>()
    };
    let mut seen = std::collections::BTreeSet::new();
    for name in entries.iter().flat_map(names) {
        if !seen.insert(name.clone()) {
            return Err(CatalogError::Ambiguous(name));
        }
    }
    Ok(())
}

/// What an unknown server's models are taken to do.
pub const fn compatible_capabilities() -> Capabilities {
    Capabilities {
        images: false,
        thinking: Thinking::None,
        parallel_tools: true,
        fit_for_cloud: true,
        context_window: 128_000,
        max_output: 16_384,
    }
}

fn effort(values: &[&str]) -> Parameter {
    let values = values.iter().map(|&value| value.to_owned()).collect();
    Parameter { id: "effort".to_owned(), values }
}

fn thinking_switch() -> Parameter {
    Parameter { id: "thinking".to_owned(), values: vec!["on".to_owned(), "off".to_owned()] }
}

/// A built-in model of a vendor.
struct BuiltIn {
    upstream: &'static str,
    display_name: &'static str,
    description: &'static str,
    thinking: Thinking,
    efforts: &'static [&'static str],
    aliases: &'static [&'static str],
}

const THREE_EFFORTS: &[&str] = &["low", "medium", "high"];
const FOUR_EFFORTS: &[&str] = &["low", "medium", "high", "max"];

const ANTHROPIC_MODELS: &[BuiltIn] = &[
    BuiltIn {
        upstream: "claude-sonnet-4-5",
        display_name: "Claude Sonnet 4.5",
        description: "Balanced: able and quick.",
        thinking: Thinking::Budget,
        efforts: THREE_EFFORTS,
        aliases: &["sonnet"],
    },
    BuiltIn {
        upstream: "claude-sonnet-4-6",
        display_name: "Claude Sonnet 4.6",
        description: "Balanced; decides how long to think.",
        thinking: Thinking::Adaptive,
        efforts: THREE_EFFORTS,
        aliases: &[],
    },
    BuiltIn {
        upstream: "claude-opus-4-5",
        display_name: "Claude Opus 4.5",
        description: "For hard and long tasks.",
        thinking: Thinking::Budget,
        efforts: THREE_EFFORTS,
        aliases: &["opus"],
    },
    BuiltIn {
        upstream: "claude-opus-4-6",
        display_name: "Claude Opus 4.6",
        description: "For hard and long tasks; decides how long to think.",
        thinking: Thinking::Adaptive,
        efforts: FOUR_EFFORTS,
        aliases: &[],
    },
    BuiltIn {
        upstream: "claude-opus-4-7",
        display_name: "Claude Opus 4.7",
        description: "For the hardest tasks; decides how long to think.",
        thinking: Thinking::Adaptive,
        efforts: FOUR_EFFORTS,
        aliases: &[],
    },
    BuiltIn {
        upstream: "claude-haiku-4-5",
        display_name: "Claude Haiku 4.5",
        description: "Quick and cheap, for small tasks.",
        thinking: Thinking::Budget,
        efforts: THREE_EFFORTS,
        aliases: &["haiku"],
    },
];

const OPENAI_MODELS: &[BuiltIn] = &[
    BuiltIn {
        upstream: "gpt-5.2",
        display_name: "GPT-5.2",
        description: "OpenAI's general reasoning model.",
        thinking: Thinking::Effort,
        efforts: THREE_EFFORTS,
        aliases: &["gpt-5"],
    },
    BuiltIn {
        upstream: "gpt-5.1-codex",
        display_name: "GPT-5.1 Codex",
        description: "OpenAI's model for coding agents.",
        thinking: Thinking::Effort,
        efforts: THREE_EFFORTS,
        aliases: &["codex"],
    },
    BuiltIn {
        upstream: "gpt-5-mini",
        display_name: "GPT-5 mini",
        description: "Quick and cheap, for small tasks.",
        thinking: Thinking::Effort,
        efforts: THREE_EFFORTS,
        aliases: &[],
    },
];

fn anthropic_entries(vendor: &Vendor) -> Vec<ModelEntry> {
    let Some(base_url) = vendor.address(ANTHROPIC_URL) else { return Vec::new() };
    let entry = |model: &BuiltIn| {
        let capabilities = Capabilities {
            images: true,
            thinking: model.thinking,
            parallel_tools: true,
            fit_for_cloud: true,
            context_window: 200_000,
            max_output: 64_000,
        };
        let parameters = vec![effort(model.efforts), thinking_switch()];
        vendor.entry(model, Dialect::Anthropic, &base_url, capabilities, parameters)
    };
    ANTHROPIC_MODELS.iter().map(entry).collect()
}

fn openai_entries(vendor: &Vendor) -> Vec<ModelEntry> {
    let Some(base_url) = vendor.address(OPENAI_URL) else { return Vec::new() };
    let entry = |model: &BuiltIn| {
        let capabilities = Capabilities {
            images: true,
            thinking: model.thinking,
            parallel_tools: true,
            fit_for_cloud: true,
            context_window: 400_000,
            max_output: 128_000,
        };
        let parameters = vec![effort(model.efforts)];
        vendor.entry(model, Dialect::OpenaiResponses, &base_url, capabilities, parameters)
    };
    OPENAI_MODELS.iter().map(entry).collect()
}

impl Vendor {
    fn address(&self, default: &str) -> Option<Url> {
        self.base_url.clone().or_else(|| Url::parse(default).ok())
    }

    fn entry(
        &self,
        model: &BuiltIn,
        dialect: Dialect,
        base_url: &Url,
        capabilities: Capabilities,
        parameters: Vec<Parameter>,
    ) -> ModelEntry {
        ModelEntry {
            id: model.upstream.to_owned(),
            display_name: model.display_name.to_owned(),
            description: model.description.to_owned(),
            aliases: model.aliases.iter().map(|&alias| alias.to_owned()).collect(),
            dialect,
            upstream: model.upstream.to_owned(),
            base_url: base_url.clone(),
            key: self.key.clone(),
            capabilities,
            parameters,
            price: price::list_price(model.upstream),
        }
    }
}

fn compatible_entries(server: &Compatible) -> Vec<ModelEntry> {
    let entry = |model: &String| ModelEntry {
        id: model.clone(),
        display_name: format!("{model} ({})", server.name),
        description: format!("Served by {}.", server.name),
        aliases: Vec::new(),
        dialect: server.dialect,
        upstream: model.clone(),
        base_url: server.base_url.clone(),
        key: server.key.clone(),
        capabilities: server.capabilities,
        parameters: match server.capabilities.thinking {
            Thinking::None => Vec::new(),
            Thinking::Budget | Thinking::Adaptive | Thinking::Effort => {
                vec![effort(THREE_EFFORTS)]
            }
        },
        price: price::list_price(model),
    };
    server.models.iter().map(entry).collect()
}

fn scripted_entry(base_url: Url) -> ModelEntry {
    ModelEntry {
        id: SCRIPTED_ID.to_owned(),
        display_name: "Scripted model".to_owned(),
        description: "Follows a script; for demonstrations and tests without a real model."
            .to_owned(),
        aliases: Vec::new(),
        dialect: Dialect::Anthropic,
        upstream: SCRIPTED_ID.to_owned(),
        base_url,
        key: None,
        capabilities: Capabilities {
            images: true,
            thinking: Thinking::Adaptive,
            parallel_tools: true,
            fit_for_cloud: true,
            context_window: 200_000,
            max_output: 64_000,
        },
        parameters: vec![effort(FOUR_EFFORTS), thinking_switch()],
        price: Some(Price::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> CatalogOptions {
        CatalogOptions {
            anthropic: Some(Vendor::default()),
            openai: Some(Vendor::default()),
            scripted_url: Url::parse("http://127.0.0.1:1").ok(),
            ..CatalogOptions::default()
        }
    }

    #[test]
    fn models_are_found_by_id_and_alias_and_the_first_is_the_default() {
        let catalog = Catalog::from_options(options()).unwrap();
        assert_eq!(catalog.find("opus").unwrap().id, "claude-opus-4-5");
        assert_eq!(catalog.find("gpt-5.2").unwrap().dialect, Dialect::OpenaiResponses);
        assert_eq!(catalog.default_entry().unwrap().id, "claude-sonnet-4-5");
        assert!(catalog.find("nobody").is_none());
        let priced = catalog.entries().iter().filter(|entry| entry.price.is_some()).count();
        assert_eq!(priced, catalog.entries().len());
    }

    #[test]
    fn the_default_can_be_chosen_and_must_exist() {
        let chosen = CatalogOptions { default: Some("codex".to_owned()), ..options() };
        let catalog = Catalog::from_options(chosen).unwrap();
        assert_eq!(catalog.default_entry().unwrap().id, "gpt-5.1-codex");
        let missing = CatalogOptions { default: Some("x".to_owned()), ..options() };
        assert_eq!(
            Catalog::from_options(missing).unwrap_err(),
            CatalogError::NoDefault("x".to_owned())
        );
    }

    #[test]
    fn two_models_of_one_name_are_refused() {
        let compatible = Compatible {
            name: "here".to_owned(),
            base_url: Url::parse("http://127.0.0.1:1/v1").unwrap(),
            key: None,
            dialect: Dialect::OpenaiChat,
            models: vec!["opus".to_owned()],
            capabilities: compatible_capabilities(),
        };
        let options = CatalogOptions { compatible: vec![compatible], ..options() };
        assert_eq!(
            Catalog::from_options(options).unwrap_err(),
            CatalogError::Ambiguous("opus".to_owned())
        );
    }

    #[test]
    fn parameters_are_checked_by_name_and_value() {
        let catalog = Catalog::from_options(options()).unwrap();
        let entry = catalog.default_entry().unwrap();
        let chosen = |id: &str, value: &str| BTreeMap::from([(id.to_owned(), value.to_owned())]);
        assert_eq!(entry.check_parameters(&chosen("effort", "high")), Ok(()));
        let unknown = entry.check_parameters(&chosen("fast", "true")).unwrap_err();
        assert!(matches!(unknown, ParameterError::Unknown { .. }));
        let value = entry.check_parameters(&chosen("effort", "extreme")).unwrap_err();
        assert!(value.to_string().contains("low, medium, high"), "{value}");
    }

    #[test]
    fn keys_are_never_printed() {
        let key = Some(SecretString::from("sk-very-secret"));
        let vendor = Vendor { base_url: None, key };
        let options = CatalogOptions { anthropic: Some(vendor), ..CatalogOptions::default() };
        assert!(!format!("{options:?}").contains("very-secret"));
        let catalog = Catalog::from_options(options).unwrap();
        assert!(!format!("{catalog:?}").contains("very-secret"));
    }
}
