//! Which hosts below AWS's domains are AWS's own, and whether a signature is meant for them. Pure.
//!
//! TRUST: anybody can have a host there (a load balancer, a machine, an API of their own), and would be sent whatever
//! a sandbox likes. So a host counts only where its name says which service it is, and names nothing but the service,
//! its region, and for S3 a bucket.

use super::DOMAINS;
use super::sign::Scope;
use crate::host::Host;

/// Services whose hosts are called otherwise than their scope.
const ALIASES: [(&str, &str); 22] = [
    ("appconfigdata", "appconfig"),
    ("appstream2", "appstream"),
    ("cloudhsmv2", "cloudhsm"),
    ("contact-lens", "connect"),
    ("email", "ses"),
    ("email-smtp", "ses"),
    ("eventsv2", "events"),
    ("forecastquery", "forecast"),
    ("iot", "iotdata"),
    ("iot", "iot-jobs-data"),
    ("iot", "iotsecuredtunneling"),
    ("ivsrealtime", "ivs"),
    ("mail-manager", "ses"),
    ("marketplace", "aws-marketplace"),
    ("agreement-marketplace", "aws-marketplace"),
    ("deployment-marketplace", "aws-marketplace"),
    ("discovery-marketplace", "aws-marketplace"),
    ("reporting-marketplace", "aws-marketplace"),
    ("memory-db", "memorydb"),
    ("migrationhub-config", "mgh"),
    ("pinpoint", "mobiletargeting"),
    ("pinpoint", "sms-voice"),
];
/// What services put before their name.
const FRONTS: [&str; 46] = [
    "a2i-runtime",
    "admin",
    "analytics",
    "api",
    "api-fulfill",
    "catalog",
    "control",
    "controlplane",
    "cp",
    "data",
    "data-ats",
    "dataplane",
    "datatransformation",
    "dp",
    "edge",
    "entitlement",
    "env",
    "featurestore-runtime",
    "geofencing",
    "global",
    "inferencerouter-runtime",
    "ingest",
    "job-runtime",
    "jobs",
    "management",
    "maps",
    "metadata",
    "metering",
    "metrics",
    "models",
    "monitor",
    "oidc",
    "ops",
    "places",
    "portal",
    "query",
    "routes",
    "runtime",
    "scheduling",
    "sms-voice",
    "streaming",
    "streams",
    "tracking",
    "training-session-runtime",
    "tunneling",
    "workflows",
];
/// Hosts of S3 that have a bucket, an access point or an account before them.
const S3: [&str; 5] = ["s3", "s3-accelerate", "s3-accesspoint", "s3-control", "s3-external-1"];

/// What is left of a host's name before AWS's domain.
pub(super) fn domain(host: &Host) -> Option<&str> {
    let name = host.name()?;
    DOMAINS.iter().find_map(|domain| name.strip_suffix(domain)?.strip_suffix('.'))
}

/// Why a signature is not for this host of AWS's domains.
pub(super) fn check(host: &Host, scope: &Scope) -> Result<(), String> {
    // TRUST: what follows, and what is refused of a service, tells services apart by their names.
    if scope.service.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(format!(
            "the service {:?} in its signature is not in lower case",
            scope.service
        ));
    }
    let labels: Vec<&str> = domain(host).unwrap_or_default().split('.').collect();
    let (labels, region) = match labels.as_slice() {
        [rest @ .., last] if is_region(last) => (rest, Some(*last)),
        all => (all, None),
    };
    let labels: Vec<&str> =
        labels.iter().copied().filter(|label| !matches!(*label, "dualstack" | "fips")).collect();
    let Some((service, fronts)) = labels.split_last() else {
        return Err("its host names no service of AWS".to_owned());
    };
    let (service, region) = match service.strip_prefix("s3-").filter(|rest| is_region(rest)) {
        Some(region) => ("s3", Some(region)),
        None => (service.trim_end_matches("-fips"), region),
    };
    if !(is_service(service, &scope.service) && is_plain(service, fronts, region)) {
        return Err(format!(
            "it is signed for the service {:?}, and the host is none of AWS's own for that; hosts that customers have \
             at AWS are reached where they are allowed by name",
            scope.service
        ));
    }
    match region {
        Some(region) if region != scope.region => Err(format!(
            "it is signed for the region {:?}, and the host is in {region:?}: set AWS_REGION",
            scope.region
        )),
        _ => Ok(()),
    }
}

fn is_service(label: &str, scope: &str) -> bool {
    if scope == "s3" {
        return S3.contains(&label);
    }
    let beside = |rest: Option<&str>, sign: char| {
        rest.is_some_and(|rest| rest.starts_with(sign) || rest.ends_with(sign))
    };
    label == scope
        || beside(label.strip_prefix(scope), '-')
        || beside(label.strip_suffix(scope), '-')
        || ALIASES.contains(&(label, scope))
}

fn is_plain(service: &str, fronts: &[&str], region: Option<&str>) -> bool {
    S3.contains(&service)
        || (fronts.iter().all(|front| FRONTS.contains(front))
            // Without a region a name is a service's only if it is nothing else besides.
            && (region.is_some() || matches!(fronts, [] | ["global"])))
}

/// `eu-west-1`, `us-gov-east-1`.
fn is_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let letters =
        |text: &&str| text.len() > 1 && text.bytes().all(|byte| byte.is_ascii_lowercase());
    match parts.as_slice() {
        [first, middle @ .., last] => {
            (1..=2).contains(&middle.len())
                && (2..=4).contains(&first.len())
                && letters(first)
                && middle.iter().all(letters)
                && last.len() <= 2
                && last.bytes().all(|byte| byte.is_ascii_digit())
                && !last.is_empty()
        }
        [] | [_] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(host: &str, service: &str, region: &str) -> Result<(), String> {
        let host = Host::parse(host).unwrap();
        check(&host, &Scope::new("20260101T000000Z", region, service))
    }

    #[test]
    fn hosts_of_aws_itself_are_told_by_service_and_region() {
        for (host, service, region) in [
            ("s3.amazonaws.com", "s3", "eu-west-1"),
            ("bucket.s3.amazonaws.com", "s3", "us-east-1"),
            ("my.bucket.s3.eu-west-1.amazonaws.com", "s3", "eu-west-1"),
            ("bucket.s3.dualstack.eu-west-1.amazonaws.com", "s3", "eu-west-1"),
            ("s3-eu-west-1.amazonaws.com", "s3", "eu-west-1"),
            ("bucket.s3-eu-west-1.amazonaws.com", "s3", "eu-west-1"),
            ("s3.cn-north-1.amazonaws.com.cn", "s3", "cn-north-1"),
            ("123456789012.s3-control.us-east-1.amazonaws.com", "s3", "us-east-1"),
            ("sts.amazonaws.com", "sts", "us-east-1"),
            ("sts.us-gov-west-1.amazonaws.com", "sts", "us-gov-west-1"),
            ("ec2-fips.us-east-1.amazonaws.com", "ec2", "us-east-1"),
            ("iam.amazonaws.com", "iam", "us-east-1"),
            ("api.ecr.eu-west-1.amazonaws.com", "ecr", "eu-west-1"),
            ("bedrock-runtime.eu-west-1.amazonaws.com", "bedrock", "eu-west-1"),
            ("email.eu-west-1.amazonaws.com", "ses", "eu-west-1"),
            ("runtime.sagemaker.eu-west-1.amazonaws.com", "sagemaker", "eu-west-1"),
            ("global.health.amazonaws.com", "health", "us-east-1"),
        ] {
            assert_eq!(judged(host, service, region), Ok(()), "{host}");
        }
    }

    #[test]
    fn hosts_that_anybody_may_have_at_aws_are_none_of_its_own() {
        for (host, service) in [
            ("mine-123.us-east-1.elb.amazonaws.com", "elb"),
            ("ec2-198-51-100-7.compute-1.amazonaws.com", "compute"),
            ("ec2-198-51-100-7.compute-1.amazonaws.com", "compute-1"),
            ("ec2-198-51-100-7.us-east-1.compute.amazonaws.com", "compute"),
            ("a1b2c3.execute-api.us-east-1.amazonaws.com", "execute-api"),
            ("a1b2c3.appsync-api.us-east-1.amazonaws.com", "appsync"),
            ("bucket.s3-website-us-east-1.amazonaws.com", "s3"),
            ("bucket.s3-website.us-east-1.amazonaws.com", "s3"),
            ("search-mine.us-east-1.es.amazonaws.com", "es"),
            ("vpce-1.s3.us-east-1.vpce.amazonaws.com", "s3"),
            ("us-east-1.amazonaws.com", "s3"),
        ] {
            assert!(judged(host, service, "us-east-1").is_err(), "{host}");
        }
    }

    #[test]
    fn a_signature_for_another_service_or_region_is_refused() {
        let elsewhere = judged("s3.eu-west-1.amazonaws.com", "s3", "us-east-1").unwrap_err();
        assert!(elsewhere.contains("AWS_REGION"), "{elsewhere}");
        assert!(judged("sqs.eu-west-1.amazonaws.com", "s3", "eu-west-1").is_err());
        assert!(judged("bucket.s3.eu-west-1.amazonaws.com", "sqs", "eu-west-1").is_err());
    }
}
