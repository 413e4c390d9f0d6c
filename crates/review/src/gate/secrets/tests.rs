//! Every format with a value made up here, and what only looks like one.
//!
//! Values are put together when the tests run, so that nobody who looks for secrets stops at these files.

use super::{check, contexts, formats};
use crate::gate::tests::{added, judged, rules};
use fastrand::Rng;

/// Of each format a file and what stands in it: `|` is left out, `<n…>` are n signs of chance: `A` letters and digits,
/// `l` small ones, `U` large ones, `h` hexadecimal, `B` base32, `b` base64, `w` of addresses, `d` digits, `L` letters.
const SAMPLES: &[(&str, &str, &str)] = &[
    ("aws-access-key", "a", "AK|IA<16B>"),
    ("aws-access-key", "a", "id=AS|IA<16B>;"),
    ("aws-bedrock-key", "a", "AB|SKQmVkcm9ja0FQSUtleS<110b>"),
    ("google-api-key", "a", "AI|za<35w>"),
    ("google-client-secret", "a", "GOC|SPX-<28w>"),
    ("google-access-token", "a", "ya|29.<120w>"),
    ("google-refresh-token", "a", "1/|/0<60w>"),
    ("azure-storage-key", "a", "AccountName=x;Account|Key=<86b>=="),
    ("azure-bus-key", "a", "SharedAccess|Key=<43b>="),
    ("azure-client-secret", "a", "<3A>8|Q~<34A>"),
    ("azure-signature", "a", "?sv=2024-01-01&se=2030&si|g=<43A>%3D"),
    ("azure-devops-token", "a", "<76A>AZ|DO<4A>"),
    ("azure-ai-key", "a", "<52A>JQQJ|99<26A>"),
    ("digitalocean-token", "a", "do|p_v1_<64h>"),
    ("alibaba-access-key", "a", "LT|AI<20A>"),
    ("tencent-secret-id", "a", "AK|ID<32A>"),
    ("cloudflare-origin-key", "a", "v1|.0-<24h>-<146h>"),
    ("heroku-key", "a", "HR|KU-AA<58w>"),
    ("fly-token", "a", "fo|1_<43w>"),
    ("fly-token", "a", "fm|2_<300b>"),
    ("netlify-token", "a", "nf|p_<36A>"),
    ("render-key", "a", "rn|d_<32A>"),
    ("supabase-key", "a", "sb|p_<40h>"),
    ("supabase-key", "a", "sb_|secret_<31w>"),
    ("planetscale-secret", "a", "pscale_|tkn_<43w>"),
    ("neon-key", "a", "na|pi_<64l>"),
    ("databricks-token", "a", "da|pi<32h>"),
    ("doppler-token", "a", "dp|.st.prd.<43A>"),
    ("vault-token", "a", "hv|s.<95w>"),
    ("terraform-token", "a", "<14A>.atlas|v1.<67w>"),
    ("pulumi-token", "a", "pu|l-<40h>"),
    ("one-password-token", "a", "ops_|eyJ<300w>"),
    ("age-key", "a", "AGE-SECRET-|KEY-1<58X>"),
    ("tailscale-key", "a", "ts|key-auth-<12A>-<32A>"),
    ("github-token", "a", "gh|p_<36A>"),
    ("github-token", "a", "\\ngh|s_<36A>\\n"),
    ("github-fine-token", "a", "github_|pat_<22A>_<59A>"),
    ("gitlab-token", "a", "gl|pat-<20w>"),
    ("gitlab-runner-token", "a", "GR13|48941<20w>"),
    ("bitbucket-password", "a", "AT|BB<32A>"),
    ("atlassian-token", "a", "AT|ATT3<180w>=<8U>"),
    ("sourcegraph-token", "a", "sg|p_<16h>_<40h>"),
    ("circleci-token", "a", "CCI|PAT_<22A>_<40h>"),
    ("buildkite-token", "a", "bk|ua_<40h>"),
    ("sonar-token", "a", "sq|p_<40h>"),
    ("npm-token", "a", "np|m_<36A>"),
    ("pypi-token", "a", "py|pi-AgEIcHlwaS5vcmc<150w>"),
    ("crates-token", "a", "ci|o<32A>"),
    ("rubygems-key", "a", "ruby|gems_<48h>"),
    ("nuget-key", "a", "oy|2<43l>"),
    ("docker-token", "a", "dckr_|pat_<27w>"),
    ("clojars-token", "a", "CLO|JARS_<60l>"),
    ("jfrog-key", "a", "AK|Cp<69A>"),
    ("slack-token", "a", "xo|xb-<12d>-<12d>-<24A>"),
    ("slack-app-token", "a", "xa|pp-1-A<10U>-<13d>-<64h>"),
    ("slack-webhook", "a", "https://hooks.slack|.com/services/T<10U>/B<10U>/<24A>"),
    ("discord-token", "a", "DISCORD_BOT=MTAxMjM0NTY3ODkwMTIzNDU2|.G<5A>.<38w>"),
    ("discord-webhook", "a", "https://discord|.com/api/webhooks/<18d>/<68w>"),
    ("telegram-token", "a", "<10d>:A|A<33w>"),
    (
        "teams-webhook",
        "a",
        "https://corp.webhook|.office.com/webhookb2/<36h>@<36h>/IncomingWebhook/<32h>/<36h>",
    ),
    ("twilio-key", "a", "S|K<32h>"),
    ("sendgrid-key", "a", "S|G.<22w>.<43w>"),
    ("mailgun-key", "a", "ke|y-<32h>"),
    ("mailchimp-key", "a", "<32h>-u|s14"),
    ("resend-key", "a", "r|e_<8A>_<24A>"),
    ("brevo-key", "a", "xkey|sib-<64h>-<16A>"),
    ("stripe-key", "a", "sk|_live_<24A>"),
    ("webhook-secret", "a", "wh|sec_<32A>"),
    ("square-secret", "a", "sq0|csp-<43w>"),
    ("shopify-token", "a", "shp|at_<32h>"),
    ("braintree-token", "a", "access_|token$production$<16l>$<32h>"),
    ("plaid-token", "a", "access|-production-<8h>-<4h>-<4h>-<4h>-<12h>"),
    ("flutterwave-key", "a", "FLW|SECK-<32h>-X"),
    ("shippo-token", "a", "shippo|_live_<40h>"),
    ("easypost-key", "a", "EZ|AK<54A>"),
    ("anthropic-key", "a", "sk-a|nt-api03-<93w>AA"),
    ("openai-key", "a", "sk-|proj-<74w>T3Blbk|FJ<74w>"),
    ("openai-key", "a", "sk|-<20A>T3Blbk|FJ<20A>"),
    ("openrouter-key", "a", "sk-|or-v1-<64h>"),
    ("model-key", "a", "s|k-<32h>"),
    ("huggingface-token", "a", "h|f_<34L>"),
    ("groq-key", "a", "gs|k_<52A>"),
    ("replicate-token", "a", "r|8_<37A>"),
    ("perplexity-key", "a", "pp|lx-<48A>"),
    ("xai-key", "a", "xa|i-<80A>"),
    ("nvidia-key", "a", "nv|api-<64w>"),
    ("langsmith-key", "a", "lsv2|_pt_<32h>_<10h>"),
    ("pinecone-key", "a", "pc|sk_<60A>"),
    ("cerebras-key", "a", "cs|k-<48l>"),
    ("tavily-key", "a", "tv|ly-dev-<32A>"),
    ("elevenlabs-key", "a", "s|k_<48h>"),
    ("newrelic-key", "a", "NR|AK-<27U>"),
    ("sentry-token", "a", "sntry|u_<64h>"),
    ("grafana-token", "a", "gl|sa_<32A>_<8h>"),
    ("dynatrace-token", "a", "dt0|c01.<24B>.<64B>"),
    ("honeycomb-key", "a", "hca|ik_<58l>"),
    ("posthog-key", "a", "ph|x_<43A>"),
    ("linear-key", "a", "lin|_api_<40A>"),
    ("notion-token", "a", "nt|n_<11d><35A>"),
    ("figma-token", "a", "fi|gd_<40w>"),
    ("airtable-token", "a", "pa|t<14A>.<64h>"),
    ("contentful-token", "a", "CF|PAT-<43w>"),
    ("hubspot-token", "a", "pat|-na1-<8h>-<4h>-<4h>-<4h>-<12h>"),
    ("postman-key", "a", "PM|AK-<24h>-<34h>"),
    ("mapbox-token", "a", "sk.|eyJ<60w>.<22w>"),
    ("typeform-token", "a", "tf|p_<59w>"),
    ("readme-key", "a", "rd|me_<70l>"),
    ("prefect-key", "a", "pn|u_<36l>"),
    ("dropbox-token", "a", "s|l.u.<150w>"),
    ("facebook-token", "a", "EA|A<150A>"),
    ("twitter-token", "a", "AAAAAAAAAA|AAAAAAAAAAA<40A>%3|D<50A>"),
    ("signed-token", "a", "ey|JhbGciOiJIUzI1NiJ9.ey|Jlcm5hIjoidHJ1ZSJ9.<43w>"),
    ("aws-secret-key", "a", "aws_secret_access_|key = <40b>"),
    ("aws-secret-key", "a.ts", "secretAccess|Key: '<40b>',"),
    ("aws-session-token", "a", "aws_session_|token=<300A>"),
    ("cloudflare-token", "a", "CLOUDFLARE_API_|TOKEN=<40A>"),
    ("datadog-key", "a", "DD_API_|KEY=<32h>"),
    ("forge-token", "a", "GITEA_|TOKEN: <40h>"),
    ("okta-token", "a", "Authorization: SS|WS 00<40A>"),
    ("wireguard-key", "wg0.conf", "Private|Key = <42b>A="),
    ("private-jwk", "a", r#"{"kty":"EC","x":"AA","|d":"<43w>"}"#),
    ("registry-login", ".npmrc", "//registry.corp/:_auth|Token=<36A>"),
    ("docker-login", "a", r#"{"auths":{"r.io":{"au|th":"Ym90OkprOWYybVF4"}}}"#),
    ("basic-login", "a", "Authorization: Bas|ic Ym90OkprOWYybVF4"),
    ("bearer-token", "a", "-H 'Authorization: Bea|rer <40A>'"),
    ("address-password", "a", "postgres://app:<18A>|@10.0.0.7:5432/app"),
    ("connection-password", "a", "Server=sql.corp;User Id=sa;Pass|word=<18A>;"),
    ("netrc-password", "a", "machine git.corp login bot pass|word <20A>"),
    ("curl-login", "a", "curl -s -u bot:|<20A> https://x.corp"),
    ("quoted-value", "a.py", "API_|KEY = \"<32A>\""),
    ("quoted-value", "latest/a.go", "pass|word := \"Jk9!f2mQx$\""),
    ("quoted-value", "a.json", "\"client_se|cret\": \"<24A>\""),
    ("quoted-value", "a.rs", "const DB_PASS|WORD: &str = \"Jk9!f2mQx$\";"),
    ("plain-value", ".env", "DB_PASS|WORD=<20A>"),
    ("plain-value", "k8s/app.yaml", "      secret_|key: <32A>"),
];

/// What a sample stands for.
fn made(sample: &str, rng: &mut Rng) -> String {
    let (mut text, mut rest) = (String::new(), sample);
    while let Some((before, after)) = rest.split_once('<') {
        let run = after.split_once('>').map(|(run, after)| (run.split_at(run.len() - 1), after));
        let Some(((count, signs), after)) =
            run.filter(|((count, _), _)| count.parse::<usize>().is_ok())
        else {
            text = text + before + "<";
            rest = after;
            continue;
        };
        let signs = match signs {
            "A" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            "l" => "abcdefghijklmnopqrstuvwxyz0123456789",
            "U" => "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
            "h" => "abcdef0123456789",
            "B" => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
            "X" => "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
            "b" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
            "w" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-",
            "d" => "0123456789",
            "L" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            other => panic!("no signs are called {other}"),
        };
        text += before;
        let signs = signs.as_bytes();
        let count = count.parse().unwrap();
        text.extend((0..count).map(|_| char::from(signs[rng.usize(0..signs.len())])));
        rest = after;
    }
    (text + rest).replace('|', "")
}

#[test]
fn every_format_stops() {
    let mut rng = Rng::with_seed(11);
    let all: Vec<_> = formats::FORMATS.iter().chain(contexts::FORMATS).collect();
    assert!(all.len() >= 100, "{}", all.len());
    for format in &all {
        assert!(SAMPLES.iter().any(|sample| sample.0 == format.id), "no sample of {}", format.id);
    }
    let mut missed = Vec::new();
    for (id, path, sample) in SAMPLES {
        for _ in 0..10 {
            let text = made(sample, &mut rng);
            let found = rules(&[added(path, &format!("\n{text}\n"))]);
            if found != [format!("secret.{id}:2")] {
                missed.push(format!("{id}: {found:?}: {text}"));
            }
        }
    }
    // Of values of chance, one in some hundred is so even that it does not look like chance.
    assert!(missed.len() * 100 <= SAMPLES.len() * 10, "{missed:#?}");
    for (id, _, _) in SAMPLES {
        let count = missed.iter().filter(|one| one.starts_with(&format!("{id}:"))).count();
        assert!(count < 4, "{missed:#?}");
    }
}

#[test]
fn what_stands_in_for_a_secret_does_not_stop() {
    let mut rng = Rng::with_seed(5);
    for (path, sample) in [
        ("a", "AK|IAIOSFODNN7EXAMPLE"),
        ("a", "aws_secret_access_|key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("a", "gh|p_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ("a", "sk|_test_your_key_goes_here_1A"),
        ("a", "ey|JhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.ey|JzdWIiOiIxMjM0NTY3ODkwIn0.<43w>"),
        ("a", "ey|JhbGciOiJub25lIn0.ey|Jlcm5hIjoidHJ1ZSJ9.<43w>"),
        (".env", "DB_PASSWORD=changeme123456"),
        (".env", "DB_PASSWORD=${DB_PASSWORD_2024_PROD}"),
        (".env", "SECRET_KEY=<your-secret-key-1>"),
        (".env", "API_TOKEN_URL=https://auth.corp/v1/token2"),
        ("a.py", "password = os.environ[\"DB_PASSWORD_1\"]"),
        ("a.py", "token = get_token(\"service-account-2\")"),
        ("a.ts", "password: \"Enter your password (8+ characters)\""),
        ("a.ts", "tokenType: 'urn:ietf:params:oauth2'"),
        ("a.ts", "secretName: 'prod/db-2/login'"),
        ("a.ts", "apiKey: 'aaaaaaaaaaaaaaaaaaaa1'"),
        ("a.rs", "let token = \"5f0c1d0e-9f2b-4a6e-8d3c-7b1a2c3d4e5f\";"),
        ("tests/login.rs", "let password = \"Jk9!f2mQx$\";"),
        ("src/LoginTest.java", "String password = \"Jk9!f2mQx$\";"),
        ("Cargo.lock", "checksum = \"<64h>\""),
        ("package-lock.json", "\"integrity\": \"sha512-<86b>==\", \"token\": \"<40A>\""),
        ("go.sum", "golang.org/x/text v0.3.0 h1:<43b>="),
        ("a.yml", "- uses: actions/checkout@<40h>"),
        ("a.md", "commit <40h> fixes it"),
        ("a", "postgres://user:password@localhost/db"),
        ("a", "postgres://app:${PASSWORD}@db.corp/app"),
        ("a", "https://example.com:8080/a@b"),
        ("a", "Authorization: Bearer $TOKEN and Authorization: Bearer <token>"),
        ("a.pub", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ<300b> me@here"),
        ("a", "-----BEGIN PUBLIC KEY-----\n<64b>\n-----END PUBLIC KEY-----"),
        ("a", "-----BEGIN CERTIFICATE-----\n<64b>\n-----END CERTIFICATE-----"),
        ("a.rs", "if text.contains(\"-----BEGIN PRIVATE| KEY-----\") {\n    return;\n}"),
        ("a", "-----BEGIN PRIVATE| KEY-----\n...\n-----END PRIVATE| KEY-----"),
        ("a.svg", "<path d=\"M0,0\"/> data:image/png;base64,<900b>"),
    ] {
        let text = made(sample, &mut rng);
        assert_eq!(rules(&[added(path, &text)]), [""; 0], "{path}: {text}");
    }
}

#[test]
fn private_keys_stop_however_they_are_written() {
    let mut rng = Rng::with_seed(6);
    for sample in [
        "-----BEGIN PRIVATE| KEY-----\n<64b>\n<64b>\n-----END PRIVATE| KEY-----",
        "-----BEGIN OPENSSH PRIVATE| KEY-----\n<70b>",
        "-----BEGIN RSA PRIVATE| KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,<32U>\n\n<64b>",
        "-----BEGIN PGP PRIVATE| KEY BLOCK-----\nVersion: 1\n\n<64b>",
        "key: |\n  -----BEGIN EC PRIVATE| KEY-----\n  <64b>",
        "{\"private_key\": \"-----BEGIN PRIVATE| KEY-----\\n<64b>\\n<64b>\\n\"}",
    ] {
        let found = rules(&[added("a", &made(sample, &mut rng))]);
        assert_eq!(found.len(), 1, "{sample}: {found:?}");
        assert!(found[0].starts_with("secret.private-key:"), "{found:?}");
    }
    let putty = made(
        "PuTTY-User-Key|-File-3: ssh-ed25519\nEncryption: none\nComment: x\nPublic-Lines: 2\n<64b>",
        &mut rng,
    );
    assert_eq!(rules(&[added("a.ppk", &putty)]), ["secret.putty-key:1"]);
}

#[test]
fn a_sum_that_fits_proves_a_token() {
    // As published by those who explain the sum.
    assert_eq!(check::base62(check::crc32(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ")), "0mLq17");
    assert_eq!(check::crc32(b"123456789"), 0xcbf4_3926);
    let random = "exampleXXXXxxxx000000000000000";
    let token = ["gh", "p_", random, &check::base62(check::crc32(random.as_bytes()))].concat();
    assert_eq!(rules(&[added("a", &token)]), ["secret.github-token:1"]);
    let wrong = ["gh", "p_", random, "000000"].concat();
    assert_eq!(rules(&[added("a", &wrong)]), [""; 0]);
}

#[test]
fn a_secret_is_found_anywhere_in_a_long_line() {
    let mut rng = Rng::with_seed(7);
    let token = made("gh|p_<36A>", &mut rng);
    for at in [0, 4_000, 12_270, 12_288, 16_350, 16_384, 50_000] {
        for filler in ["x ", "é "] {
            let before = filler.repeat(at / filler.len());
            let text = format!("{before}{token} {}", filler.repeat(30_000));
            let stops = judged(&[added("a", &text)]);
            assert_eq!(stops.len(), 1, "at {at}");
            assert!(stops[0].why.contains("40 characters"), "{}", stops[0].why);
        }
    }
    // One of its beginning and one that goes on are no secrets.
    assert_eq!(rules(&[added("a", &token[..30])]), [""; 0]);
}

#[test]
fn several_in_a_line_are_told_one_by_one() {
    let mut rng = Rng::with_seed(8);
    let text = made("gh|p_<36A>,gh|p_<36A> np|m_<36A>", &mut rng);
    let found = rules(&[added("a", &text)]);
    assert_eq!(found, ["secret.github-token:1", "secret.github-token:1", "secret.npm-token:1"]);
}

#[test]
fn entropy_counts_bits() {
    assert!(check::entropy("aaaa") < 0.01);
    assert!((check::entropy("abcd") - 2.0).abs() < 0.01);
    assert!((check::entropy("0123456789abcdef") - 4.0).abs() < 0.01);
}
