//! The model list from the configuration.

use crate::config::{ModelConfig, Models};
use anyhow::{Context, Result, bail};
use model::catalog::{Catalog, CatalogOptions, ModelEntry, Vendor};
use model::dialect::Dialect;
use model::price::Price;
use model::{Capabilities, Thinking};
use secrecy::SecretString;
use url::Url;

/// Builds the list; a wrong address or dialect is named.
pub fn catalog(models: &Models) -> Result<Catalog> {
    let options = CatalogOptions {
        anthropic: vendor(
            "models.anthropic_base_url",
            &models.anthropic_api_key,
            &models.anthropic_base_url,
        )?,
        openai: vendor("models.openai_base_url", &models.openai_api_key, &models.openai_base_url)?,
        compatible: Vec::new(),
        scripted_url: address("models.scripted_url", &models.scripted_url)?,
        entries: models
            .list
            .iter()
            .filter(|model| !is_gemini(model))
            .map(entry)
            .collect::<Result<_>>()?,
        default: Some(models.default.clone()).filter(|id| !id.is_empty()),
    };
    Catalog::from_options(options).context("read the model list")
}

/// Whether programs inside alone can ask it: runs do not speak Gemini.
pub(crate) fn is_gemini(model: &ModelConfig) -> bool {
    model.dialect == "gemini"
}

fn vendor(field: &str, key: &str, base_url: &str) -> Result<Option<Vendor>> {
    let base_url = address(field, base_url)?;
    if key.is_empty() && base_url.is_none() {
        return Ok(None);
    }
    Ok(Some(Vendor { base_url, key: secret(key) }))
}

pub(crate) fn secret(key: &str) -> Option<SecretString> {
    (!key.is_empty()).then(|| SecretString::from(key.to_owned()))
}

pub(crate) fn address(field: &str, text: &str) -> Result<Option<Url>> {
    if text.is_empty() {
        return Ok(None);
    }
    Ok(Some(Url::parse(text).with_context(|| format!("{field}: {text:?} is not a URL"))?))
}

fn entry(model: &ModelConfig) -> Result<ModelEntry> {
    let field = format!("models.list {:?}", model.id);
    let dialect = match model.dialect.as_str() {
        "anthropic" => Dialect::Anthropic,
        "openai_responses" => Dialect::OpenaiResponses,
        "openai_chat" => Dialect::OpenaiChat,
        other => bail!(
            "{field}: dialect is {other:?}; choose anthropic, openai_responses, openai_chat or gemini"
        ),
    };
    Ok(ModelEntry {
        id: model.id.clone(),
        display_name: model.id.clone(),
        description: String::new(),
        aliases: Vec::new(),
        dialect,
        upstream: if model.upstream.is_empty() { model.id.clone() } else { model.upstream.clone() },
        base_url: address(&field, &model.base_url)?
            .with_context(|| format!("{field}: base_url is empty"))?,
        key: secret(&model.api_key),
        capabilities: capabilities(model),
        parameters: Vec::new(),
        price: price(model),
    })
}

pub(crate) const fn capabilities(model: &ModelConfig) -> Capabilities {
    Capabilities {
        images: model.images,
        thinking: if model.thinking { Thinking::Effort } else { Thinking::None },
        parallel_tools: true,
        fit_for_cloud: true,
        context_window: model.context_window,
        max_output: model.max_output,
    }
}

pub(crate) fn price(model: &ModelConfig) -> Option<Price> {
    let known_price = model.input_price > 0.0 || model.output_price > 0.0;
    let micros = |dollars: f64| (dollars * 1e6).round().clamp(0.0, 1e15) as u64;
    known_price.then(|| Price {
        input: micros(model.input_price),
        output: micros(model.output_price),
        cache_write: micros(model.cache_write_price),
        cache_read: micros(model.cache_read_price),
    })
}
