//! Requests that other programs wrote, on their way to a provider: [`question`] is what matters of one,
//! [`meter`] reads what its answer cost while that passes. Nothing is translated.

pub mod meter;
pub mod question;

use crate::dialect::Dialect;

/// Endpoints to which such requests go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wire {
    /// Anthropic Messages.
    Anthropic,
    /// Anthropic's counting of a message's tokens, which costs nothing.
    AnthropicCount,
    /// OpenAI Responses.
    OpenaiResponses,
    /// OpenAI Chat Completions.
    OpenaiChat,
    /// Gemini's generateContent.
    Gemini,
    /// Gemini's streamGenerateContent.
    GeminiStream,
}

/// Who speaks how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Speech {
    /// One of the dialects that models are driven in too.
    Dialect(Dialect),
    /// Gemini, for programs that bring it.
    Gemini,
}

impl Speech {
    /// Whether who speaks so has this endpoint. Whoever has Responses has Chat Completions beside it.
    pub const fn has(self, wire: Wire) -> bool {
        match wire {
            Wire::Anthropic | Wire::AnthropicCount => {
                matches!(self, Self::Dialect(Dialect::Anthropic))
            }
            Wire::OpenaiResponses => matches!(self, Self::Dialect(Dialect::OpenaiResponses)),
            Wire::OpenaiChat => {
                matches!(self, Self::Dialect(Dialect::OpenaiResponses | Dialect::OpenaiChat))
            }
            Wire::Gemini | Wire::GeminiStream => matches!(self, Self::Gemini),
        }
    }
}

impl Wire {
    /// Address of the endpoint under a base URL; `model` is a name that the server lists.
    pub fn url(self, base_url: &str, model: &str) -> String {
        let base = base_url.trim_end_matches('/');
        match self {
            Self::Anthropic => Dialect::Anthropic.url(base),
            Self::AnthropicCount => format!("{}/count_tokens", Dialect::Anthropic.url(base)),
            Self::OpenaiResponses => Dialect::OpenaiResponses.url(base),
            Self::OpenaiChat => Dialect::OpenaiChat.url(base),
            Self::Gemini => format!("{base}/v1beta/models/{model}:generateContent"),
            Self::GeminiStream => format!("{base}/v1beta/models/{model}:streamGenerateContent"),
        }
    }

    /// Header of the key, and what stands before it there.
    pub const fn key_header(self) -> (&'static str, &'static str) {
        match self {
            Self::Anthropic | Self::AnthropicCount => ("x-api-key", ""),
            Self::OpenaiResponses | Self::OpenaiChat => ("authorization", "Bearer "),
            Self::Gemini | Self::GeminiStream => ("x-goog-api-key", ""),
        }
    }

    /// Whether answers cost something.
    pub const fn is_paid(self) -> bool {
        !matches!(self, Self::AnthropicCount)
    }
}
