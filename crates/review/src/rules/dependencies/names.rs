//! Names that many know, and names that only look like them.

use super::manifest::{Dependency, Ecosystem};
use std::collections::BTreeSet;

const NPM: &str = "\
    react react-dom next express lodash axios chalk commander debug zod typescript vite vitest jest \
    mocha chai eslint prettier webpack rollup esbuild babel svelte preact angular moment dayjs \
    date-fns uuid semver request rxjs redux zustand immer yargs inquirer dotenv cors helmet passport \
    jsonwebtoken bcrypt bcryptjs mongoose sequelize prisma knex mysql2 redis ioredis socket.io \
    fastify koa nodemon ts-node tsx rimraf glob minimist mkdirp async underscore bluebird colors \
    winston pino morgan body-parser cookie-parser multer sharp puppeteer playwright cypress electron \
    tailwindcss postcss autoprefixer sass styled-components graphql node-fetch cross-env husky \
    lint-staged nanoid marked classnames clsx formik yup joi pg ws qs ms jquery bootstrap three \
    tslib event-stream nodemailer concurrently turbo lerna storybook happy-dom jsdom msw nock \
    supertest";
const NPM_SCOPES: &str = "\
    @types @babel @testing-library @typescript-eslint @vitejs @angular @nestjs @tanstack @aws-sdk \
    @playwright @storybook @octokit @prisma @emotion @mui @reduxjs @eslint @rollup @jest @swc \
    @fastify @sveltejs @vue @apollo @google-cloud @azure @opentelemetry @sentry @radix-ui @hookform \
    @vitest";
const CARGO: &str = "\
    serde serde_json serde_yaml tokio tokio-util tokio-stream anyhow thiserror clap regex rand log \
    tracing tracing-subscriber reqwest hyper axum actix-web futures async-trait chrono time uuid url \
    bytes base64 hex sha2 rustls openssl sqlx diesel rusqlite itertools rayon crossbeam parking_lot \
    once_cell lazy_static bitflags libc nix syn quote proc-macro2 toml tempfile walkdir globset \
    indexmap hashbrown smallvec num-traits criterion proptest insta similar env_logger tower \
    tower-http tonic prost bindgen cc flate2 zstd memchr aho-corasick rust_decimal semver schemars \
    assert_cmd wiremock";
const PYTHON: &str = "\
    iniconfig pluggy platformdirs exceptiongroup flit-core build sphinx cffi pycparser \
    typing-extensions importlib-metadata zipp tomli requests urllib3 numpy pandas scipy matplotlib \
    django flask fastapi uvicorn gunicorn pydantic sqlalchemy alembic celery redis boto3 botocore \
    click typer rich tqdm pyyaml jinja2 markupsafe werkzeug certifi idna charset-normalizer \
    cryptography pyjwt pillow lxml beautifulsoup4 selenium scrapy httpx aiohttp attrs pytest \
    pytest-cov pytest-mock pytest-asyncio coverage tox mypy ruff black isort flake8 pylint \
    setuptools wheel pip poetry hatchling virtualenv tensorflow torch torchvision transformers \
    scikit-learn keras opencv-python psycopg2 psycopg2-binary psycopg pymongo paramiko \
    python-dateutil pytz six simplejson colorama tabulate openai tenacity orjson structlog \
    hypothesis freezegun respx pre-commit djangorestframework marshmallow python-dotenv packaging \
    types-requests setuptools-scm websockets";
const GO_OWNERS: &str = "\
    golang.org/x google.golang.org k8s.io sigs.k8s.io go.uber.org cloud.google.com/go gorm.io \
    go.opentelemetry.io gopkg.in go.mongodb.org modernc.org connectrpc.com github.com/stretchr \
    github.com/google github.com/spf13 github.com/gin-gonic github.com/gorilla github.com/sirupsen \
    github.com/pkg github.com/aws github.com/hashicorp github.com/prometheus \
    github.com/grpc-ecosystem github.com/golang github.com/jackc github.com/lib \
    github.com/go-sql-driver github.com/labstack github.com/go-chi github.com/redis \
    github.com/docker github.com/moby github.com/onsi github.com/golang-jwt github.com/rs \
    github.com/uber-go github.com/urfave github.com/fatih github.com/Masterminds \
    github.com/kubernetes github.com/opencontainers github.com/testcontainers github.com/mattn \
    github.com/davecgh github.com/pmezard github.com/gofiber github.com/go-playground \
    github.com/cespare";
const JAVA_GROUPS: &str = "\
    org.hamcrest org.jetbrains org.sonatype com.microsoft com.azure software.amazon org.ow2 \
    org.codehaus com.squareup javax jakarta org.eclipse com.fasterxml org.junit org.apache \
    com.google org.springframework org.springframework.boot org.apache.commons \
    org.apache.logging.log4j org.apache.httpcomponents org.apache.kafka org.hibernate \
    com.google.guava com.google.code.gson com.google.protobuf com.fasterxml.jackson.core \
    com.fasterxml.jackson.datatype com.squareup.okhttp3 com.squareup.retrofit2 org.slf4j \
    ch.qos.logback org.projectlombok junit org.junit.jupiter org.mockito org.assertj \
    org.testcontainers io.netty io.micrometer io.projectreactor com.zaxxer org.postgresql \
    com.h2database mysql com.mysql redis.clients org.jetbrains.kotlin org.jetbrains.kotlinx \
    io.quarkus io.micronaut jakarta.servlet org.flywaydb org.liquibase com.github.ben-manes.caffeine \
    org.mapstruct io.grpc io.opentelemetry commons-io commons-lang org.bouncycastle com.amazonaws \
    software.amazon.awssdk io.jsonwebtoken org.apache.maven org.codehaus.mojo";
const RUBY: &str = "\
    rails rake rspec rspec-rails sinatra puma sidekiq devise nokogiri redis pg mysql2 rubocop \
    minitest faraday httparty bundler rack activesupport activerecord bootsnap capybara factory_bot \
    simplecov webmock jwt bcrypt pry";
const COMPOSER: &str = "\
    laravel/framework symfony/console symfony/http-foundation guzzlehttp/guzzle monolog/monolog \
    phpunit/phpunit doctrine/orm twig/twig nesbot/carbon ramsey/uuid firebase/php-jwt \
    league/flysystem vlucas/phpdotenv phpstan/phpstan mockery/mockery";
/// Honest names that happen to be close to others.
const HONEST: &str = "\
    colors color redis rediss nexts hyper hypers jest-dom chart kleur tonic tower asyncio httpx2 \
    request globs types times futures rando clapi flask2 celery ruff pylint mocha boto";

/// The words of a list.
fn words(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.split_whitespace()
}

fn lists(list: &'static str, name: &str) -> bool {
    words(list).any(|word| word == name)
}

fn popular(ecosystem: Ecosystem) -> &'static str {
    match ecosystem {
        Ecosystem::Npm => NPM,
        Ecosystem::Cargo => CARGO,
        Ecosystem::Python => PYTHON,
        Ecosystem::Go => GO_OWNERS,
        Ecosystem::Java => JAVA_GROUPS,
        Ecosystem::Ruby => RUBY,
        Ecosystem::Composer => COMPOSER,
    }
}

/// The part of the name that says who makes it.
fn maker(ecosystem: Ecosystem, name: &str) -> String {
    match ecosystem {
        Ecosystem::Npm if name.starts_with('@') => {
            name.split('/').next().unwrap_or(name).to_owned()
        }
        Ecosystem::Go => {
            let hosted = name.starts_with("github.com/") || name.starts_with("golang.org/");
            name.split('/').take(if hosted { 2 } else { 1 }).collect::<Vec<_>>().join("/")
        }
        Ecosystem::Java => name.split(':').next().unwrap_or(name).to_owned(),
        Ecosystem::Npm
        | Ecosystem::Cargo
        | Ecosystem::Python
        | Ecosystem::Ruby
        | Ecosystem::Composer => name.to_owned(),
    }
}

/// Whether many projects use it, so that its name alone is no reason to look.
pub(super) fn is_popular(ecosystem: Ecosystem, name: &str) -> bool {
    let maker = maker(ecosystem, name);
    let grouped = |group: &'static str| {
        maker
            .strip_prefix(group)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
    };
    match ecosystem {
        Ecosystem::Npm => lists(NPM, name) || lists(NPM_SCOPES, &maker),
        Ecosystem::Go => words(GO_OWNERS).any(|owner| name.starts_with(&format!("{owner}/"))),
        Ecosystem::Java => words(JAVA_GROUPS).any(grouped),
        Ecosystem::Cargo | Ecosystem::Python | Ecosystem::Ruby | Ecosystem::Composer => {
            lists(popular(ecosystem), name)
        }
    }
}

/// The well-known name that this one could be taken for.
pub(super) fn lookalike(ecosystem: Ecosystem, name: &str) -> Option<&'static str> {
    const LONGEST: usize = 64;
    let maker = maker(ecosystem, name);
    if is_popular(ecosystem, name) || lists(HONEST, name) || maker.len() > LONGEST {
        return None;
    }
    let known = match ecosystem {
        Ecosystem::Npm if name.starts_with('@') => NPM_SCOPES,
        Ecosystem::Npm
        | Ecosystem::Cargo
        | Ecosystem::Python
        | Ecosystem::Go
        | Ecosystem::Java
        | Ecosystem::Ruby
        | Ecosystem::Composer => popular(ecosystem),
    };
    words(known).find(|known| looks_like(&maker, known))
}

fn looks_like(name: &str, known: &str) -> bool {
    if name == known || known.len() < 4 {
        return false;
    }
    let (plain, target) = (folded(name), folded(known));
    plain == target
        || (known.len() >= 5 && is_near(&plain, &target))
        || (known.len() >= 5 && is_near(name, known))
}

/// The name with what the eye confuses made equal.
fn folded(name: &str) -> String {
    let lower = name
        .to_lowercase()
        .replace("rn", "m")
        .replace("vv", "w")
        .replace('0', "o")
        .replace('1', "l");
    lower.chars().filter(|c| !matches!(c, '-' | '_')).collect()
}

/// Whether one letter is added, missing, another, or two neighbours are swapped.
fn is_near(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let before = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let rest = |of: &[char], skip: usize| of.get(before + skip..).unwrap_or_default().to_vec();
    let swapped = || {
        let mut turned = rest(&a, 0);
        if turned.len() >= 2 {
            turned.swap(0, 1);
        }
        turned == rest(&b, 0)
    };
    rest(&a, 1) == rest(&b, 0)
        || rest(&a, 0) == rest(&b, 1)
        || rest(&a, 1) == rest(&b, 1)
        || swapped()
}

/// Dependencies that are asked whose they are.
const OWN: usize = 500;

/// Beginnings of names that belong to the project itself.
pub(super) fn own<'a>(
    ecosystem: Ecosystem,
    text: &str,
    old: impl Iterator<Item = &'a Dependency>,
) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for dependency in old.take(OWN) {
        match ecosystem {
            Ecosystem::Npm if dependency.name.starts_with('@') => {
                all.extend(dependency.name.split_once('/').map(|(scope, _)| format!("{scope}/")));
            }
            Ecosystem::Java => {
                all.extend(dependency.name.split_once(':').map(|(group, _)| format!("{group}:")))
            }
            Ecosystem::Npm
            | Ecosystem::Cargo
            | Ecosystem::Python
            | Ecosystem::Go
            | Ecosystem::Ruby
            | Ecosystem::Composer => {}
        }
    }
    if ecosystem == Ecosystem::Npm
        && let Some(scope) =
            text.split("\"name\": \"@").nth(1).and_then(|rest| rest.split('/').next())
    {
        all.insert(format!("@{scope}/"));
    }
    if ecosystem == Ecosystem::Go
        && let Some(module) = text.lines().find_map(|line| line.strip_prefix("module "))
    {
        let owner: Vec<&str> = module.trim().split('/').take(2).collect();
        if owner.len() == 2 {
            all.insert(format!("{}/", owner.join("/")));
        }
    }
    all
}

/// Whether the version that is asked for goes down.
pub(super) fn is_lower(was: &str, now: &str) -> bool {
    // What was not released is no version to go back from; an upper bound says nothing.
    if was.contains("SNAPSHOT") || was.contains("dev") || was.trim_start().starts_with('<') {
        return false;
    }
    let numbers = |text: &str| -> Vec<u64> {
        let start = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
        let text = text.get(start..).unwrap_or_default();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let version = text.get(..end).unwrap_or_default();
        version.split('.').take(6).map_while(|part| part.parse().ok()).collect()
    };
    let (was, now) = (numbers(was), numbers(now));
    let pairs = was.iter().zip(&now).find(|(was, now)| was != now);
    pairs.is_some_and(|(was, now)| now < was)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_by_what_the_eye_misses_are_lookalikes() {
        for (ecosystem, name) in [
            (Ecosystem::Npm, "lodahs"),
            (Ecosystem::Npm, "crossenv"),
            (Ecosystem::Npm, "@types-/node"),
            (Ecosystem::Cargo, "serde-json"),
            (Ecosystem::Python, "reqests"),
            (Ecosystem::Go, "github.com/strechr/testify"),
            (Ecosystem::Java, "com.googIe.guava:guava"),
        ] {
            assert!(lookalike(ecosystem, name).is_some(), "{name}");
        }
        for (ecosystem, name) in [
            (Ecosystem::Npm, "lodash"),
            (Ecosystem::Npm, "@types/node"),
            (Ecosystem::Npm, "lodash.merge"),
            (Ecosystem::Go, "golang.org/x/text"),
            (Ecosystem::Java, "org.springframework.kafka:spring-kafka"),
        ] {
            assert_eq!(lookalike(ecosystem, name), None, "{name}");
        }
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(is_lower("^9.0.2", "^8.3.0") && is_lower("==3.1.4", "==2.10.1"));
        assert!(!is_lower("1.37", "1") && !is_lower("1.9", "1.10") && !is_lower("", "1"));
    }
}
