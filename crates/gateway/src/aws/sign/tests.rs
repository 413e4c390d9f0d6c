//! Signatures that AWS publishes, and some of botocore 1.44.

use super::*;

const DOCUMENTED: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const SUITE: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct Case<'a> {
    secret: &'a str,
    time: &'a str,
    scope: (&'a str, &'a str),
    method: &'a str,
    target: &'a str,
    reading: PathReading,
    headers: &'a [(&'a str, &'a str)],
    payload: &'a str,
    expected: &'a str,
}

fn signed(case: &Case<'_>) -> String {
    let (path, query) = case.target.split_once('?').unwrap_or((case.target, ""));
    let headers = case.headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    let request = Canonical {
        method: case.method,
        path: &case.reading.of(path),
        query: &pairs(query),
        headers: &headers.collect::<Vec<_>>(),
        payload: case.payload,
    };
    let scope = Scope::new(case.time, case.scope.1, case.scope.0);
    signature(case.secret, case.time, &scope, &request)
}

#[test]
fn published_signatures_come_out() {
    let s3 = ("s3", "us-east-1");
    for case in [
        Case {
            secret: SUITE,
            time: "20150830T123600Z",
            scope: ("service", "us-east-1"),
            method: "GET",
            target: "/",
            reading: PathReading::Tidied,
            headers: &[("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")],
            payload: EMPTY,
            expected: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        },
        Case {
            secret: SUITE,
            time: "20150830T123600Z",
            scope: ("iam", "us-east-1"),
            method: "GET",
            target: "/?Action=ListUsers&Version=2010-05-08",
            reading: PathReading::Tidied,
            headers: &[
                ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
                ("host", "iam.amazonaws.com"),
                ("x-amz-date", "20150830T123600Z"),
            ],
            payload: EMPTY,
            expected: "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        },
        Case {
            secret: DOCUMENTED,
            time: "20130524T000000Z",
            scope: s3,
            method: "GET",
            target: "/test.txt",
            reading: PathReading::AsSent,
            headers: &[
                ("host", "examplebucket.s3.amazonaws.com"),
                ("range", "bytes=0-9"),
                ("x-amz-content-sha256", EMPTY),
                ("x-amz-date", "20130524T000000Z"),
            ],
            payload: EMPTY,
            expected: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        },
        Case {
            secret: DOCUMENTED,
            time: "20130524T000000Z",
            scope: s3,
            method: "GET",
            target: "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host",
            reading: PathReading::AsSent,
            headers: &[("host", "examplebucket.s3.amazonaws.com")],
            payload: UNSIGNED,
            expected: "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        },
    ] {
        assert_eq!(signed(&case), case.expected, "{}", case.target);
    }
}

#[test]
fn signatures_of_botocore_come_out() {
    let time = "20150830T123600Z";
    let token = ("x-amz-security-token", "session/token+one==");
    let hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    for case in [
        Case {
            secret: SUITE,
            time,
            scope: ("sqs", "eu-west-1"),
            method: "POST",
            target: "/a%20b//c/../d/",
            reading: PathReading::Tidied,
            headers: &[
                ("content-type", "application/x-amz-json-1.0"),
                ("host", "sqs.eu-west-1.amazonaws.com"),
                ("padded", "two words"),
                ("x-amz-date", time),
                token,
                ("x-amz-target", "A.B"),
            ],
            payload: &hash(b"{\"a\":1}"),
            expected: "5f924baa77b9424cfb512d2a3d632852f076a098357b6ec87e927558b772d8b3",
        },
        Case {
            secret: SUITE,
            time,
            scope: ("s3", "eu-west-1"),
            method: "PUT",
            target: "/a%20b//c/../d%2Be?x-id=PutObject&z=%20&a=b%2F&a=a",
            reading: PathReading::AsSent,
            headers: &[
                ("host", "b.s3.eu-west-1.amazonaws.com"),
                ("x-amz-content-sha256", hello),
                ("x-amz-date", time),
                ("x-amz-meta-one", "1"),
                token,
            ],
            payload: hello,
            expected: "341be45d530096e0779ea3a131140bee4347251a04a0918e2a3ca767da5088bb",
        },
        Case {
            secret: SUITE,
            time,
            scope: ("s3", "eu-west-1"),
            method: "GET",
            target: "/k%20ey?versionId=1&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host&X-Amz-Security-Token=session%2Ftoken%2Bone%3D%3D",
            reading: PathReading::AsSent,
            headers: &[("host", "b.s3.eu-west-1.amazonaws.com")],
            payload: UNSIGNED,
            expected: "95787e7f13d0cab50c5951ca6582992352d04182936a52bf1fcd1804ea24522f",
        },
    ] {
        assert_eq!(signed(&case), case.expected, "{}", case.target);
    }
}
