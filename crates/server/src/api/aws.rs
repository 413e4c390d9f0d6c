//! `/v1/team/aws`: how agents act under a role of AWS.

use super::error::{ApiError, ApiResult};
use crate::app::App;
use crate::auth::Caller;
use crate::aws;
use crate::secrets::{self, Owner};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::api::aws::{AwsBody, ROLE_SECRETS};
use protocol::ids::OrgId;
use std::sync::Arc;

/// The external id, the trust policy to paste, and what became of the last request for a role.
#[utoipa::path(get, path = "/v1/team/aws", tag = "secrets", responses((status = 200, body = AwsBody)))]
pub async fn show(State(app): State<Arc<App>>, caller: Caller) -> ApiResult<Json<AwsBody>> {
    let role = role(&app, &caller.org).await?;
    described(&app, &caller, role).await
}

/// Has the server act under the team's role once; what became of it is in the answer.
#[utoipa::path(post, path = "/v1/team/aws/check", tag = "secrets",
    responses((status = 200, body = AwsBody), (status = 403, body = protocol::api::ErrorBody), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn check(State(app): State<Arc<App>>, caller: Caller) -> ApiResult<Json<AwsBody>> {
    super::secrets::for_everybody(&caller)?;
    let Some(role) = role(&app, &caller.org).await? else {
        let message =
            format!("the team has no role: keep its ARN as the secret {}", ROLE_SECRETS[0]);
        return Err(ApiError::not_found("secret_not_found", message));
    };
    // The answer tells what became of it.
    let external_id = aws::external_id(&app.seeds, &caller.org, &Owner::Team);
    app.aws.try_role(&role, &external_id).await.unwrap_or_default();
    described(&app, &caller, Some(role)).await
}

async fn described(app: &App, caller: &Caller, role: Option<String>) -> ApiResult<Json<AwsBody>> {
    let own = Owner::User(caller.opener());
    let ids = [Owner::Team, own].map(|owner| aws::external_id(&app.seeds, &caller.org, &owner));
    Ok(Json(app.aws.describe(role, ids).await))
}

/// Refuses a role that the server cannot act under for this owner.
pub(super) async fn tried(app: &App, org: &OrgId, owner: &Owner, arn: &str) -> ApiResult<()> {
    let external_id = aws::external_id(&app.seeds, org, owner);
    app.aws.try_role(arn, &external_id).await.map_err(|words| {
        let message =
            format!("value: the role was not kept, because it cannot be used yet: {words}");
        ApiError::new(StatusCode::BAD_REQUEST, "aws_role_refused", message)
    })
}

async fn role(app: &App, org: &OrgId) -> ApiResult<Option<String>> {
    Ok(secrets::team_role(app, org).await?)
}
