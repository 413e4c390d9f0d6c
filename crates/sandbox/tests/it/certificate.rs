//! The certificate of a spec: trusted inside, and on no disk.

use std::path::Path;

use sandbox::provider::{CA_BUNDLE, CA_CERTIFICATE, Posture, Provider};

use super::bench::{Bench, Inside, is_root};

/// Where the host's programs look for what is trusted.
const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Makes an authority and what it vouches for, in `/workspace/tls`.
const MAKE: &str = "mkdir /workspace/tls && cd /workspace/tls && \
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj '/CN=Own test authority' -keyout ca.key -out ca.crt && \
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -subj /CN=named.test -keyout leaf.key -out leaf.csr && \
    printf 'subjectAltName=DNS:named.test' > leaf.ext && \
    openssl x509 -req -in leaf.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
        -extfile leaf.ext -out leaf.crt";
/// Serves what was vouched for, and asks for it without a word about certificates.
const ASK: &str = "cd /workspace/tls && \
    { openssl s_server -quiet -www -accept 8443 -cert leaf.crt -key leaf.key >/dev/null 2>&1 & } && \
    server=$!; for try in $(seq 50); do \
        curl -sS --resolve named.test:8443:127.0.0.1 https://named.test:8443/ -o /dev/null; \
        code=$?; [ $code = 7 ] || break; sleep 0.2; done; kill $server; exit $code";

async fn sh(inside: &mut Inside, line: &str) -> String {
    let (code, text) = inside.sh(line).await;
    assert_eq!(code, 0, "{line}: {text}");
    text
}

/// Whether these bytes are in any file of a folder.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
        let path = entry.path();
        let kind = entry.file_type().unwrap();
        let is_in = |text: Vec<u8>| text.windows(bytes.len()).any(|part| part == bytes);
        (kind.is_dir() && holds(&path, bytes))
            || (kind.is_file() && std::fs::read(&path).is_ok_and(is_in))
    })
}

#[tokio::test]
async fn what_the_spec_vouches_for_is_trusted() {
    if ["/usr/bin/openssl", "/usr/bin/curl", SYSTEM].iter().any(|file| !Path::new(file).is_file()) {
        println!("skipped: this host lacks openssl, curl or a bundle of certificates (1 test)");
        return;
    }
    let bench = Bench::new();
    let (mut spec, mut inside) = bench.start().await;
    sh(&mut inside, MAKE).await;
    let certificate = sh(&mut inside, "cat /workspace/tls/ca.crt").await + "\n";
    let (code, words) = inside.sh(ASK).await;
    assert!(code == 60 && words.contains("certificate"), "{code} {words}");
    sh(&mut inside, "rm /workspace/tls/ca.*").await;
    bench.provider.stop(spec.key).await.unwrap();

    spec.key.epoch.0 += 1;
    spec.ca_certificate = Some(certificate.clone());
    bench.provider.create(&spec).await.unwrap();
    let mut inside = bench.inside(spec.key).await;
    let (code, words) = inside.sh(ASK).await;
    assert_eq!(code, 0, "{words}");
    assert_eq!(sh(&mut inside, &format!("cat {CA_CERTIFICATE}")).await, certificate.trim());
    let known = std::fs::read_to_string(SYSTEM).unwrap();
    let bundle = format!("{}\n{certificate}", known.trim_end());
    let sum = "sha256sum | cut -d' ' -f1";
    let shown = sh(&mut inside, &format!("tr -s '\\n' < {SYSTEM} | {sum}")).await;
    assert_eq!(shown, sh(&mut inside, &format!("tr -s '\\n' < {CA_BUNDLE} | {sum}")).await);
    assert_eq!(
        sh(&mut inside, &format!("wc -l < {CA_BUNDLE}")).await,
        bundle.lines().count().to_string()
    );
    for user in ["as-agent", "as-root"] {
        for file in [SYSTEM, CA_BUNDLE, CA_CERTIFICATE] {
            let line = format!("echo x >> {file}");
            let (code, words) = inside.run(user, &["sh", "-c", &line]).await;
            assert!(code != 0, "{user} {file}: {words}");
        }
    }
    // A part of its signature: what comes before also stands in what it vouches for, which is there.
    let end = certificate.lines().rev().nth(2).unwrap();
    assert!(!holds(&bench.disk(spec.key), end.as_bytes()), "the certificate is on the disk");
    bench.provider.destroy(spec.key).await.unwrap();
}

#[tokio::test]
async fn an_image_keeps_its_own_and_has_both_together_beside_it() {
    if !is_root() {
        println!("skipped: only root has base images (1 test)");
        return;
    }
    for posture in [Posture::Sudo, Posture::None] {
        let bench = Bench::new();
        let layer = super::base::image(&bench).await;
        let start = |certificate: Option<&str>| {
            let certificate = certificate.map(str::to_owned);
            bench.start_with(move |spec| {
                spec.posture = posture;
                spec.layers = vec![layer];
                spec.ca_certificate = certificate;
            })
        };
        let (mut spec, mut inside) = start(Some("-- mine --\n")).await;
        let none = inside.sh(&format!("cat {SYSTEM}")).await;
        assert_ne!(none.0, 0, "an image without a bundle has none: {none:?}");
        assert!(sh(&mut inside, &format!("tail -n1 {CA_BUNDLE}")).await == "-- mine --");
        let made = "mkdir -p /etc/ssl/certs /etc/pki/tls/certs && echo theirs > FILE && \
                    ln -sf FILE /etc/pki/tls/certs/ca-bundle.crt"
            .replace("FILE", SYSTEM);
        let (code, words) = inside.run("as-root", &["sh", "-c", &made]).await;
        assert_eq!(code, 0, "{words}");
        bench.provider.stop(spec.key).await.unwrap();
        spec.key.epoch.0 += 1;
        bench.provider.create(&spec).await.unwrap();
        let mut inside = bench.inside(spec.key).await;
        assert_eq!(sh(&mut inside, &format!("cat {CA_BUNDLE}")).await, "theirs\n-- mine --");
        // Its own stays the image's to replace, as what looks after it does.
        for file in [SYSTEM, "/etc/pki/tls/certs/ca-bundle.crt"] {
            assert_eq!(sh(&mut inside, &format!("cat {file}")).await, "theirs");
        }
        let replace = format!("echo newer > {SYSTEM}");
        let (code, words) = inside.run("as-root", &["sh", "-c", &replace]).await;
        assert_eq!(code, 0, "{words}");
        bench.provider.stop(spec.key).await.unwrap();
        assert!(!holds(&bench.disk(spec.key), b"-- mine --"));
        spec.key.epoch.0 += 1;
        spec.ca_certificate = None;
        bench.provider.create(&spec).await.unwrap();
        let mut inside = bench.inside(spec.key).await;
        assert_eq!(sh(&mut inside, &format!("cat {SYSTEM}")).await, "newer");
        bench.provider.destroy(spec.key).await.unwrap();
    }
}
