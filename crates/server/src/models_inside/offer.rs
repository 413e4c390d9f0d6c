//! What programs inside may ask: the models that the server lists, under the names of their providers.

use crate::catalog::{address, capabilities, is_gemini, price, secret};
use crate::config::Models as Config;
use anyhow::{Context, Result, ensure};
use gateway::model_endpoint::Provider;
use model::Capabilities;
use model::catalog::{Catalog, ModelEntry};
use model::dialect::Dialect;
use model::passage::{Speech, Wire};
use model::price::Price;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::Arc;
use url::Url;

/// A model that programs inside may ask.
#[derive(Debug)]
pub(super) struct Offer {
    speech: Speech,
    /// What its provider calls it.
    pub(super) name: String,
    /// Where the provider answers.
    pub(super) base_url: Url,
    /// The live key.
    pub(super) key: Option<SecretString>,
    /// How much it takes and gives.
    pub(super) capabilities: Capabilities,
    /// What it costs, if known.
    pub(super) price: Option<Price>,
}

/// All of them, in the order of the catalog.
#[derive(Debug)]
pub(super) struct Offers(Vec<Arc<Offer>>);

impl Offers {
    pub(super) fn of(config: &Config, catalog: &Catalog) -> Result<Self> {
        let mut offers: Vec<_> = catalog.entries().iter().map(|entry| of_entry(entry)).collect();
        for model in config.list.iter().filter(|model| is_gemini(model)) {
            let field = format!("models.list {:?}", model.id);
            ensure!(
                config.inside,
                "{field}: runs do not speak gemini, programs inside sandboxes do; set models.inside = true to offer it to them"
            );
            let upstream = if model.upstream.is_empty() { &model.id } else { &model.upstream };
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
            ensure!(upstream.chars().all(is_plain), "{field}: {upstream:?} is no name of a model");
            offers.push(Offer {
                speech: Speech::Gemini,
                name: upstream.clone(),
                base_url: address(&field, &model.base_url)?
                    .with_context(|| format!("{field}: base_url is empty"))?,
                key: secret(&model.api_key),
                capabilities: capabilities(model),
                price: price(model),
            });
        }
        Ok(Self(offers.into_iter().map(Arc::new).collect()))
    }

    /// The model of this name, or the family whose dated release it is.
    pub(super) fn find(&self, wire: Wire, name: &str) -> Option<Arc<Offer>> {
        let of_wire = || self.0.iter().filter(|offer| offer.speech.has(wire));
        let exact = of_wire().find(|offer| offer.name == name);
        exact.or_else(|| of_wire().find(|offer| offer.is_release(name))).cloned()
    }

    /// Whether there is one of this provider's kind.
    pub(super) fn has(&self, provider: Provider) -> bool {
        self.0.iter().any(|offer| offer.provider() == provider)
    }

    /// All names, for people.
    pub(super) fn names(&self) -> String {
        let names: Vec<_> = self.0.iter().map(|offer| offer.name.as_str()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }

    /// The list of models as a provider writes it.
    pub(super) fn list(&self, provider: Provider) -> String {
        let of_provider = self.0.iter().filter(|offer| offer.provider() == provider);
        let models: Vec<_> = of_provider.map(|offer| offer.shown()).collect();
        let id = |model: Option<&Value>| model.and_then(|model| model.get("id").cloned());
        let (first, last) = (id(models.first()), id(models.last()));
        let list = match provider {
            Provider::Anthropic => {
                json!({"data": models, "has_more": false, "first_id": first, "last_id": last})
            }
            Provider::Openai => json!({"object": "list", "data": models}),
            Provider::Gemini => json!({"models": models}),
        };
        list.to_string()
    }

    /// One model as a provider writes it.
    pub(super) fn show(&self, provider: Provider, name: &str) -> Option<String> {
        let mut of_provider = self.0.iter().filter(|offer| offer.provider() == provider);
        let offer = of_provider.find(|offer| offer.name == name || offer.is_release(name))?;
        Some(offer.shown().to_string())
    }
}

fn of_entry(entry: &ModelEntry) -> Offer {
    Offer {
        speech: Speech::Dialect(entry.dialect),
        name: entry.upstream.clone(),
        base_url: entry.base_url.clone(),
        key: entry.key.clone(),
        capabilities: entry.capabilities,
        price: entry.price,
    }
}

impl Offer {
    const fn provider(&self) -> Provider {
        match self.speech {
            Speech::Dialect(Dialect::Anthropic) => Provider::Anthropic,
            Speech::Dialect(Dialect::OpenaiResponses | Dialect::OpenaiChat) => Provider::Openai,
            Speech::Gemini => Provider::Gemini,
        }
    }

    /// Dated releases have the price of their family: `name-20250929`, `name-2025-09-29`.
    fn is_release(&self, name: &str) -> bool {
        if self.speech == Speech::Gemini {
            return false;
        }
        let date = name.strip_prefix(&self.name).and_then(|rest| rest.strip_prefix('-'));
        date.is_some_and(|date| {
            let is_date = |c: char| c.is_ascii_digit() || c == '-';
            let digits = date.chars().filter(char::is_ascii_digit).count();
            date.chars().all(is_date) && digits == 8
        })
    }

    fn shown(&self) -> Value {
        let name = &self.name;
        match self.provider() {
            Provider::Anthropic => {
                json!({"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"})
            }
            Provider::Openai => {
                json!({"id": name, "object": "model", "created": 0, "owned_by": "errand"})
            }
            Provider::Gemini => json!({"name": format!("models/{name}")}),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offers(text: &str) -> Result<Offers> {
        let config: Config = toml::from_str(text).unwrap();
        Offers::of(&config, &crate::catalog::catalog(&config).unwrap())
    }

    const LIST: &str = "inside = true\nanthropic_api_key = \"a\"\nopenai_api_key = \"b\"\n\
        [[list]]\nid = \"gemini-3\"\ndialect = \"gemini\"\nbase_url = \"http://127.0.0.1:1\"\n\
        [[list]]\nid = \"mine\"\nupstream = \"qwen\"\ndialect = \"openai_chat\"\nbase_url = \"http://127.0.0.1:2/v1\"\n";

    #[test]
    fn a_model_is_found_by_its_providers_name_where_its_provider_answers() {
        let offers = offers(LIST).unwrap();
        let table = [
            (Wire::Anthropic, "claude-sonnet-4-5", true),
            (Wire::Anthropic, "claude-sonnet-4-5-20250929", true),
            (Wire::Anthropic, "claude-sonnet-4-5-2025092", false),
            (Wire::Anthropic, "claude-sonnet-4-5-latest1", false),
            (Wire::Anthropic, "sonnet", false),
            (Wire::Anthropic, "gpt-5.2", false),
            (Wire::OpenaiResponses, "gpt-5.2", true),
            (Wire::OpenaiResponses, "gpt-5.2-2025-12-11", true),
            (Wire::OpenaiChat, "gpt-5.2", true),
            (Wire::OpenaiChat, "qwen", true),
            (Wire::OpenaiChat, "mine", false),
            (Wire::OpenaiResponses, "qwen", false),
            (Wire::GeminiStream, "gemini-3", true),
            (Wire::GeminiStream, "gemini-3-20250929", false),
            (Wire::GeminiStream, "gemini-3/../x", false),
        ];
        for (wire, name, is_found) in table {
            assert_eq!(offers.find(wire, name).is_some(), is_found, "{wire:?} {name}");
        }
        assert!(offers.has(Provider::Gemini));
        assert!(offers.list(Provider::Openai).contains("\"qwen\""));
        assert!(!offers.list(Provider::Anthropic).contains("qwen"));
        assert!(offers.show(Provider::Openai, "claude-sonnet-4-5").is_none());
    }

    #[test]
    fn a_model_that_only_programs_inside_can_ask_needs_them_to_be_allowed() {
        let error = offers(&LIST.replace("inside = true", "inside = false")).unwrap_err();
        assert!(error.to_string().contains("models.inside = true"), "{error}");
    }
}
