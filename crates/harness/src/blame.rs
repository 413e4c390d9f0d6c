//! A model's error as the failure of a run: what happened and what to do, in plain words.

use model::error::ModelError;
use protocol::event::TurnOutcome;
use protocol::failure::{Failure, Phase};

/// How the turn ends when the model gave no answer.
pub(crate) fn outcome(model: &str, error: &ModelError) -> TurnOutcome {
    let message = format!("{} The work so far is kept.", words(model, error));
    TurnOutcome::Failed { failure: Failure::new(Phase::Model, error.code(), message) }
}

fn words(model: &str, error: &ModelError) -> String {
    match error {
        ModelError::Auth(said) => format!(
            "The provider of model {model} refused the key ({said}). Check the model's key in the configuration."
        ),
        ModelError::OutOfCredit(said) => format!(
            "The account for model {model} has no credit left ({said}). Add credit or choose another model."
        ),
        ModelError::UnknownModel(said) => format!(
            "The provider does not know model {model} ({said}). Choose another model or correct its name in the configuration."
        ),
        ModelError::BadRequest(said) => format!(
            "The provider of model {model} refused the request ({said}). Try another model; if it happens again, report it as a bug of Errand."
        ),
        ModelError::RateLimited { .. } => format!(
            "The provider of model {model} limits the rate of requests, and waiting did not help. Send the message again later or raise the account's limits."
        ),
        ModelError::Overloaded { message, .. } => format!(
            "The provider of model {model} is overloaded or failing ({message}), and waiting did not help. Send the message again later or choose another model."
        ),
        ModelError::ContextTooLong(said) => format!(
            "The conversation is too long for model {model}, even after older messages were summarised ({said}). Open a new agent, or choose a model with a larger window."
        ),
        ModelError::Unreachable(said) => format!(
            "The provider of model {model} cannot be reached ({said}). Check the network and the model's URL in the configuration."
        ),
        ModelError::Stalled(after) => format!(
            "The provider of model {model} sent nothing for {} s, several times. Send the message again later or choose another model.",
            after.as_secs()
        ),
        ModelError::CutStream => format!(
            "The answers of model {model} broke off several times. Check the network or a proxy in between, then send the message again."
        ),
        ModelError::Malformed(said) => format!(
            "The answers of model {model} make no sense ({said}). Check that the URL in the configuration speaks the configured dialect."
        ),
        ModelError::Refused(said) => format!(
            "Model {model} declined to answer ({said}). Word the task differently or choose another model."
        ),
    }
}
