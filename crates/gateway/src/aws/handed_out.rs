//! What AWS answers with credentials: a sandbox that asks would have them inside. Pure.

use http::HeaderMap;
use percent_encoding::percent_decode_str;

/// What may be asked of STS; all else there gives credentials.
const STS: [&str; 3] = ["DecodeAuthorizationMessage", "GetAccessKeyInfo", "GetCallerIdentity"];
/// What makes lasting credentials of IAM.
const IAM: [&str; 4] = [
    "CreateAccessKey",
    "CreateLoginProfile",
    "CreateServiceSpecificCredential",
    "ResetServiceSpecificCredential",
];
/// What others call it.
const TARGETS: [&str; 2] = ["GetAuthorizationToken", "GetRoleCredentials"];

/// Whether the body has to be known to tell.
pub(super) fn is_in_body(service: &str) -> bool {
    is_of(&["sts", "iam"], service)
}

/// Why a request is not passed on, if its answer would hold credentials.
pub(super) fn check(
    service: &str,
    headers: &HeaderMap,
    query: &[(String, String)],
    body: &[u8],
) -> Result<(), String> {
    // Whichever of several is read.
    for target in headers.get_all("x-amz-target") {
        let target = String::from_utf8_lossy(target.as_bytes());
        let called = target.split(',').filter_map(|target| target.rsplit('.').next());
        if let Some(called) = called.map(str::trim).find(|called| is_of(&TARGETS, called)) {
            return Err(refusal(called));
        }
    }
    if !is_in_body(service) {
        return Ok(());
    }
    let text = String::from_utf8_lossy(body);
    let in_body = text.split('&').map(|part| part.split_once('=').unwrap_or((part, "")));
    let in_query = query.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let plain = |text: &str| {
        percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().trim().to_owned()
    };
    let actions: Vec<String> = in_body
        .chain(in_query)
        .filter(|(name, _)| plain(name).eq_ignore_ascii_case("action"))
        .map(|(_, value)| plain(value))
        .collect();
    // TRUST: where two readers could find two actions, or none here, the other one may be what counts.
    let [action] = actions.as_slice() else {
        return Err(format!("it names no action of {service}, or several"));
    };
    let is_refused = if service.eq_ignore_ascii_case("sts") {
        !STS.contains(&action.as_str())
    } else {
        is_of(&IAM, action)
    };
    if is_refused { Err(refusal(action)) } else { Ok(()) }
}

/// TRUST: in any case, since what is not refused passes.
fn is_of(refused: &[&str], called: &str) -> bool {
    refused.iter().any(|refused| refused.eq_ignore_ascii_case(called))
}

fn refusal(action: &str) -> String {
    let action: String = action.chars().take(100).collect();
    format!(
        "{action} answers with credentials, and none enters a sandbox: what is in AWS_ACCESS_KEY_ID is signed anew \
         with the role, without end"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::sign::pairs;

    fn judged(service: &str, query: &str, body: &str) -> bool {
        check(service, &HeaderMap::new(), &pairs(query), body.as_bytes()).is_ok()
    }

    #[test]
    fn nothing_that_answers_with_credentials_is_asked() {
        assert!(judged("sts", "", "Action=GetCallerIdentity&Version=2011-06-15"));
        assert!(judged("sts", "Action=GetCallerIdentity&Version=2011-06-15", ""));
        assert!(judged("iam", "", "Action=ListRoles&Version=2010-05-08"));
        assert!(judged("s3", "", "Action=AssumeRole"));
        for (service, query, body) in [
            ("sts", "", "Action=AssumeRole&RoleArn=arn"),
            ("sts", "Action=AssumeRole", ""),
            ("sts", "Action=GetCallerIdentity", "Action=AssumeRole"),
            ("sts", "", "Action=GetCallerIdentity&A%63tion=AssumeRole"),
            ("sts", "", "{\"Action\":\"AssumeRole\"}"),
            ("sts", "", "Action=GetSessionToken"),
            ("iam", "", "Action=CreateAccessKey&UserName=me"),
            ("iam", "", "Action=createaccesskey"),
            ("iam", "", "Action=+CreateAccessKey%20"),
        ] {
            assert!(!judged(service, query, body), "{query} {body}");
        }
        let mut headers = HeaderMap::new();
        let target = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
        headers.insert("x-amz-target", target.parse().unwrap());
        assert!(check("ecr", &headers, &[], b"{}").is_err());
        let mut headers = HeaderMap::new();
        for target in ["DynamoDB_20120810.ListTables", "X.getauthorizationtoken"] {
            headers.append("x-amz-target", target.parse().unwrap());
        }
        assert!(check("ecr", &headers, &[], b"{}").is_err());
    }
}
