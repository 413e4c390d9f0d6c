//! Where models are: the well-known variables of the vendors, or a list of one's own.

use serde::{Deserialize, Serialize};

/// The `[models]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Models {
    /// Model of runs that name none; empty: the first of the list.
    pub default: String,
    /// Key for Anthropic; also `ANTHROPIC_API_KEY`.
    pub anthropic_api_key: String,
    /// Another address; also `ANTHROPIC_BASE_URL`.
    pub anthropic_base_url: String,
    /// Key for OpenAI; also `OPENAI_API_KEY`.
    pub openai_api_key: String,
    /// Another address; also `OPENAI_BASE_URL`.
    pub openai_base_url: String,
    /// Address of a scripted model server, for trying Errand without a model.
    pub scripted_url: String,
    /// Seconds of silence after which a model is asked again; many think that long before they speak.
    pub stall_seconds: u64,
    /// Programs inside sandboxes may ask the models of this server, at its expense: other coding agents.
    pub inside: bool,
    /// Further models.
    pub list: Vec<ModelConfig>,
}

impl Default for Models {
    fn default() -> Self {
        Self {
            default: String::new(),
            anthropic_api_key: String::new(),
            anthropic_base_url: String::new(),
            openai_api_key: String::new(),
            openai_base_url: String::new(),
            scripted_url: String::new(),
            stall_seconds: protocol::limits::MODEL_STALL_S,
            inside: false,
            list: Vec::new(),
        }
    }
}

/// One model of one's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// What runs call it.
    pub id: String,
    /// What the endpoint calls it; omitted: the id.
    #[serde(default)]
    pub upstream: String,
    /// `anthropic`, `openai_responses`, `openai_chat`, or `gemini` for programs inside sandboxes only.
    pub dialect: String,
    /// Address of the endpoint.
    pub base_url: String,
    /// Its key.
    #[serde(default)]
    pub api_key: String,
    /// Tokens that fit into one request.
    #[serde(default = "default_window")]
    pub context_window: u64,
    /// Tokens of one answer.
    #[serde(default = "default_output")]
    pub max_output: u64,
    /// Understands images.
    #[serde(default)]
    pub images: bool,
    /// Thinks.
    #[serde(default)]
    pub thinking: bool,
    /// Dollars per million input tokens.
    #[serde(default)]
    pub input_price: f64,
    /// Dollars per million output tokens.
    #[serde(default)]
    pub output_price: f64,
    /// Dollars per million tokens written to a cache.
    #[serde(default)]
    pub cache_write_price: f64,
    /// Dollars per million tokens read from a cache.
    #[serde(default)]
    pub cache_read_price: f64,
}

const fn default_window() -> u64 {
    128_000
}

const fn default_output() -> u64 {
    16_384
}

impl Models {
    /// Fills what the file left empty from the vendors' own variables.
    pub fn with_vendor_variables(mut self, variable: impl Fn(&str) -> Option<String>) -> Self {
        let fill = |field: &mut String, name: &str| {
            if field.is_empty() {
                *field = variable(name).unwrap_or_default();
            }
        };
        fill(&mut self.anthropic_api_key, "ANTHROPIC_API_KEY");
        fill(&mut self.anthropic_base_url, "ANTHROPIC_BASE_URL");
        fill(&mut self.openai_api_key, "OPENAI_API_KEY");
        fill(&mut self.openai_base_url, "OPENAI_BASE_URL");
        self
    }
}
