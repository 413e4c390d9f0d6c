//! One secret by its name, whoever owns it: the paths of the three owners differ in nothing else.

use super::{deed, environment, for_everybody, shown, with_uses};
use crate::api::aws::tried;
use crate::api::body::Query;
use crate::api::error::{ApiError, ApiResult};
use crate::app::App;
use crate::audit::by_people::note;
use crate::auth::Caller;
use crate::aws;
use crate::door;
use crate::secrets::{self, Owner, Put, Wanted};
use axum::Json;
use axum::extract::{FromRequestParts, MatchedPath, Path};
use axum::http::{StatusCode, request::Parts};
use protocol::api::aws::is_role_secret;
use protocol::api::secrets::{PutSecret, SecretBody};
use serde::Deserialize;
use std::sync::Arc;

/// Which of several with one name.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SecretQuery {
    /// The one with this id.
    id: Option<String>,
}

/// What a path names.
#[derive(Debug, Deserialize)]
struct Names {
    /// A saved environment's, where the secret is one of its own.
    id: Option<String>,
    name: String,
}

/// The secret that a request is about, and who asks.
pub struct Named {
    app: Arc<App>,
    caller: Caller,
    owner: Owner,
    name: String,
    id: Option<String>,
}

impl FromRequestParts<Arc<App>> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let missing = |error| ApiError::invalid("name", error);
        let Path(names) = Path::<Names>::from_request_parts(parts, app).await.map_err(missing)?;
        let Query(SecretQuery { id }) = Query::from_request_parts(parts, app).await?;
        let path = parts.extensions.get::<MatchedPath>();
        let is_team = path.is_some_and(|path| path.as_str().starts_with("/v1/team/"));
        let owner = match names.id {
            Some(id) => environment(app, &caller, &id).await?,
            None if is_team => Owner::Team,
            None => Owner::User(caller.opener()),
        };
        Ok(Self { app: Arc::clone(app), caller, owner, name: names.name, id })
    }
}

impl Named {
    /// It, without its value.
    pub async fn found(&self) -> ApiResult<Json<SecretBody>> {
        let place = (&self.caller.org, &self.owner);
        let found = secrets::find(&self.app, place, &self.name, self.id.as_deref()).await?;
        Ok(Json(with_uses(&self.app, &self.caller, shown(&self.owner, found)).await?))
    }

    /// Adds it, or gives it another value.
    pub async fn put(&self, body: PutSecret) -> ApiResult<(StatusCode, Json<SecretBody>)> {
        self.may_change()?;
        let wanted = Wanted::from(body);
        for url in wanted.repos.iter().flatten() {
            door::allow_repository(&self.app, &self.caller, url)?;
        }
        if is_role_secret(&self.name) && aws::is_role(wanted.value.expose()) {
            tried(&self.app, &self.caller.org, &self.owner, wanted.value.expose()).await?;
        }
        let (place, name) = ((&self.caller.org, &self.owner), (&*self.name, self.id.as_deref()));
        let by = &self.caller.name;
        let (put, listed) = secrets::put(&self.app, place, by, name, wanted).await?;
        let status = match put {
            Put::New => StatusCode::CREATED,
            Put::Changed => StatusCode::OK,
        };
        note(&self.app, &self.caller, deed("secret.set", &self.owner, &listed)).await?;
        tracing::info!(secret.id = listed.id, by, "a secret was written");
        Ok((status, Json(shown(&self.owner, listed))))
    }

    /// Removes it.
    pub async fn remove(&self) -> ApiResult<Json<SecretBody>> {
        self.may_change()?;
        let place = (&self.caller.org, &self.owner);
        let listed = secrets::remove(&self.app, place, &self.name, self.id.as_deref()).await?;
        note(&self.app, &self.caller, deed("secret.removed", &self.owner, &listed)).await?;
        tracing::info!(secret.id = listed.id, by = self.caller.name, "a secret was removed");
        Ok(Json(shown(&self.owner, listed)))
    }

    fn may_change(&self) -> ApiResult<()> {
        match self.owner {
            Owner::User(_) => Ok(()),
            Owner::Environment(_) | Owner::Team => for_everybody(&self.caller),
        }
    }
}
