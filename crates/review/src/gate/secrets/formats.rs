//! Secrets whose shape alone tells who issued them.

use super::{Format, Proof, check};

/// A shape that begins in a way that nothing else does.
macro_rules! begun {
    ($id:literal, $what:literal, [$($word:literal),+], $pattern:literal) => {
        begun!($id, $what, [$($word),+], $pattern, 300, Proof::Shape)
    };
    ($id:literal, $what:literal, [$($word:literal),+], $pattern:literal, $floor:literal, $proof:expr) => {
        Format {
            id: $id,
            what: $what,
            keywords: &[$($word),+],
            pattern: concat!("(", $pattern, ")(?:[^A-Za-z0-9_]|$)"),
            floor: $floor,
            proof: $proof,
        }
    };
}

/// A shape that has to stand by itself.
macro_rules! apart {
    ($id:literal, $what:literal, [$($word:literal),+], $pattern:literal) => {
        apart!($id, $what, [$($word),+], $pattern, 300, Proof::Shape)
    };
    ($id:literal, $what:literal, [$($word:literal),+], $pattern:literal, $floor:literal, $proof:expr) => {
        Format {
            id: $id,
            what: $what,
            keywords: &[$($word),+],
            pattern: concat!("(?:^|[^A-Za-z0-9_])(", $pattern, ")(?:[^A-Za-z0-9_]|$)"),
            floor: $floor,
            proof: $proof,
        }
    };
}

/// All of them, by family.
pub(super) const FORMATS: &[Format] = &[
    // Clouds.
    apart!(
        "aws-access-key",
        "the id of an AWS access key",
        ["akia", "asia", "abia", "acca"],
        "(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"
    ),
    begun!(
        "aws-bedrock-key",
        "an AWS Bedrock API key",
        ["abskqmvk", "bedrock-api-key-"],
        "(?:ABSKQmVkcm9ja0FQSUtleS[A-Za-z0-9+/]{80,280}={0,2}|bedrock-api-key-[A-Za-z0-9+/_-]{100,2000})"
    ),
    begun!("google-api-key", "a Google API key", ["aiza"], "AIza[A-Za-z0-9_-]{35}"),
    begun!(
        "google-client-secret",
        "a Google OAuth client secret",
        ["gocspx-"],
        "GOCSPX-[A-Za-z0-9_-]{28}"
    ),
    apart!(
        "google-access-token",
        "a Google access token",
        ["ya29."],
        r"ya29\.[A-Za-z0-9_-]{30,2000}"
    ),
    apart!(
        "google-refresh-token",
        "a Google refresh token",
        ["1//0"],
        "1//0[A-Za-z0-9_-]{40,200}",
        380,
        Proof::Must(check::is_mixed)
    ),
    begun!(
        "azure-storage-key",
        "the key of an Azure storage account",
        ["accountkey="],
        "AccountKey=[A-Za-z0-9+/]{86}=="
    ),
    begun!(
        "azure-bus-key",
        "an Azure shared access key",
        ["sharedaccesskey="],
        "SharedAccessKey=[A-Za-z0-9+/]{43}="
    ),
    apart!(
        "azure-client-secret",
        "an Azure client secret",
        ["q~"],
        r"[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}",
        350,
        Proof::Shape
    ),
    begun!(
        "azure-signature",
        "a signed Azure address",
        ["sig="],
        "(?:sv|se|sp|sr)=[^\\s\"']{1,300}&sig=[A-Za-z0-9%+/]{43,60}(?:%3D|=)"
    ),
    apart!(
        "azure-devops-token",
        "an Azure DevOps token",
        ["azdo"],
        "[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}"
    ),
    apart!(
        "azure-ai-key",
        "the key of an Azure AI service",
        ["jqqj99"],
        "[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{26}"
    ),
    begun!(
        "digitalocean-token",
        "a DigitalOcean token",
        ["dop_v1_", "doo_v1_", "dor_v1_"],
        "do[opr]_v1_[a-f0-9]{64}"
    ),
    apart!(
        "alibaba-access-key",
        "the id of an Alibaba access key",
        ["ltai"],
        "LTAI[A-Za-z0-9]{17,21}",
        330,
        Proof::Must(check::is_mixed)
    ),
    apart!(
        "tencent-secret-id",
        "the id of a Tencent secret",
        ["akid"],
        "AKID[A-Za-z0-9]{32}",
        350,
        Proof::Must(check::is_mixed)
    ),
    begun!(
        "cloudflare-origin-key",
        "a Cloudflare origin key",
        ["v1.0-"],
        r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}"
    ),
    begun!(
        "heroku-key",
        "a Heroku API key",
        ["hrku-"],
        "HRKU-(?:AA[A-Za-z0-9_-]{58}|[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12})"
    ),
    begun!(
        "fly-token",
        "a Fly token",
        ["fo1_", "fm1a_", "fm1r_", "fm2_"],
        "(?:fo1_[A-Za-z0-9_-]{43}|fm(?:1a|1r|2)_[A-Za-z0-9+/]{100,2000}={0,3})"
    ),
    begun!("netlify-token", "a Netlify token", ["nfp_"], "nfp_[A-Za-z0-9_]{36}"),
    apart!(
        "render-key",
        "a Render API key",
        ["rnd_"],
        "rnd_[A-Za-z0-9]{28,40}",
        350,
        Proof::Must(check::is_mixed)
    ),
    begun!(
        "supabase-key",
        "a Supabase key",
        ["sbp_", "sb_secret_"],
        "(?:sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{22,40})"
    ),
    begun!(
        "planetscale-secret",
        "a PlanetScale password or token",
        ["pscale_"],
        r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9=_.-]{32,64}"
    ),
    apart!("neon-key", "a Neon API key", ["napi_"], "napi_[a-z0-9]{40,80}", 350, Proof::Shape),
    apart!("databricks-token", "a Databricks token", ["dapi"], "dapi[a-f0-9]{32}(?:-[0-9])?"),
    begun!(
        "doppler-token",
        "a Doppler token",
        ["dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."],
        r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}"
    ),
    apart!(
        "vault-token",
        "a Vault token",
        ["hvs.", "hvb.", "hvr."],
        r"hv[sbr]\.[A-Za-z0-9_-]{24,300}",
        350,
        Proof::Must(check::is_mixed)
    ),
    begun!(
        "terraform-token",
        "an HCP Terraform token",
        [".atlasv1."],
        r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}"
    ),
    apart!("pulumi-token", "a Pulumi token", ["pul-"], "pul-[a-f0-9]{40}"),
    begun!(
        "one-password-token",
        "a 1Password service account token",
        ["ops_eyj"],
        "ops_eyJ[A-Za-z0-9+/_-]{150,2500}={0,3}"
    ),
    begun!(
        "age-key",
        "an age secret key",
        ["age-secret-key-1"],
        "AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}"
    ),
    begun!(
        "tailscale-key",
        "a Tailscale key",
        ["tskey-"],
        "tskey-[a-z]{3,12}-[A-Za-z0-9]{8,24}-[A-Za-z0-9]{20,40}"
    ),
    // Forges and what builds.
    begun!(
        "github-token",
        "a GitHub token",
        ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
        "gh[pousr]_[A-Za-z0-9]{36,255}",
        350,
        Proof::Digits(check::ends_in_base62_sum)
    ),
    begun!(
        "github-fine-token",
        "a GitHub fine-grained token",
        ["github_pat_"],
        "github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
        350,
        Proof::Shape
    ),
    begun!(
        "gitlab-token",
        "a GitLab token",
        [
            "glpat-", "gldt-", "glptt-", "glrt-", "glrtr-", "glcbt-", "glimt-", "glagent-",
            "gloas-", "glffct-", "glsoat-", "glft-"
        ],
        "gl(?:pat|dt|ptt|rtr?|cbt|imt|agent|oas|ffct|soat|ft)-[A-Za-z0-9_.=-]{20,320}",
        330,
        Proof::Shape
    ),
    begun!(
        "gitlab-runner-token",
        "a GitLab runner registration token",
        ["gr1348941"],
        "GR1348941[A-Za-z0-9_-]{20}"
    ),
    begun!(
        "bitbucket-password",
        "a Bitbucket app password",
        ["atbb"],
        "ATBB[A-Za-z0-9_=.-]{32}",
        350,
        Proof::Must(check::is_mixed)
    ),
    begun!(
        "atlassian-token",
        "an Atlassian token",
        ["atatt3", "atctt3"],
        "AT[AC]TT3[A-Za-z0-9_=-]{150,300}"
    ),
    begun!(
        "sourcegraph-token",
        "a Sourcegraph token",
        ["sgp_"],
        "sgp_(?:(?:[a-f0-9]{16}|local)_)?[a-f0-9]{40}"
    ),
    begun!(
        "circleci-token",
        "a CircleCI token",
        ["ccipat_", "cciprj_"],
        "CCIP(?:AT|RJ)_[A-Za-z0-9]{22}_[a-f0-9]{40}"
    ),
    begun!(
        "buildkite-token",
        "a Buildkite token",
        ["bkua_", "bkaj_", "bkct_"],
        "bk(?:ua|aj|ct)_[a-f0-9]{40}"
    ),
    apart!("sonar-token", "a Sonar token", ["sqp_", "squ_", "sqa_"], "sq[pua]_[a-f0-9]{40}"),
    // Package registries.
    begun!(
        "npm-token",
        "an npm token",
        ["npm_"],
        "npm_[A-Za-z0-9]{36}",
        350,
        Proof::Digits(check::ends_in_base62_sum)
    ),
    begun!(
        "pypi-token",
        "a PyPI token",
        ["pypi-age"],
        "pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{50,2000}"
    ),
    apart!(
        "crates-token",
        "a crates.io token",
        ["cio"],
        "cio[A-Za-z0-9]{32}",
        380,
        Proof::Must(check::is_mixed)
    ),
    begun!("rubygems-key", "a RubyGems key", ["rubygems_"], "rubygems_[a-f0-9]{48}"),
    apart!("nuget-key", "a NuGet key", ["oy2"], "oy2[a-z0-9]{43}", 380, Proof::Shape),
    begun!(
        "docker-token",
        "a Docker Hub token",
        ["dckr_pat_", "dckr_oat_"],
        "dckr_[po]at_[A-Za-z0-9_-]{27,40}"
    ),
    begun!("clojars-token", "a Clojars token", ["clojars_"], "CLOJARS_[a-z0-9]{60}"),
    apart!(
        "jfrog-key",
        "a JFrog API key",
        ["akcp", "cmvmdgtu"],
        "(?:AKCp[A-Za-z0-9]{69}|cmVmdGtu[A-Za-z0-9]{56})",
        380,
        Proof::Must(check::is_mixed)
    ),
    // Chat and mail.
    begun!(
        "slack-token",
        "a Slack token",
        ["xoxa-", "xoxb-", "xoxe-", "xoxe.", "xoxo-", "xoxp-", "xoxr-", "xoxs-"],
        r"xox(?:[aboprs]-|e[-.](?:xox[bp]-)?)[A-Za-z0-9-]{24,250}"
    ),
    begun!(
        "slack-app-token",
        "a Slack app token",
        ["xapp-"],
        "xapp-[0-9]-[A-Z0-9]{8,14}-[0-9]{8,16}-[a-f0-9]{40,80}"
    ),
    begun!(
        "slack-webhook",
        "the address of a Slack webhook",
        ["hooks.slack.com/"],
        r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Z0-9]{8,14}/[A-Z0-9]{8,20}/[A-Za-z0-9]{20,32}",
        350,
        Proof::Must(check::is_mixed)
    ),
    apart!(
        "discord-token",
        "a Discord bot token",
        ["discord", "bot", "token"],
        r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}",
        350,
        Proof::Must(check::begins_with_a_number)
    ),
    begun!(
        "discord-webhook",
        "the address of a Discord webhook",
        ["/api/webhooks/"],
        r"discord(?:app)?\.com/api/webhooks/[0-9]{17,20}/[A-Za-z0-9_-]{60,70}"
    ),
    apart!(
        "telegram-token",
        "a Telegram bot token",
        [":aa"],
        "[0-9]{8,10}:AA[A-Za-z0-9_-]{33}",
        350,
        Proof::Must(check::is_mixed)
    ),
    begun!(
        "teams-webhook",
        "the address of a Teams webhook",
        [".webhook.office.com/"],
        r"[a-z0-9-]{2,60}\.webhook\.office\.com/webhookb2/[a-f0-9-]{36}@[a-f0-9-]{36}/IncomingWebhook/[a-f0-9]{32}/[a-f0-9-]{36}"
    ),
    apart!(
        "twilio-key",
        "a Twilio API key",
        [
            "sk0", "sk1", "sk2", "sk3", "sk4", "sk5", "sk6", "sk7", "sk8", "sk9", "ska", "skb",
            "skc", "skd", "ske", "skf"
        ],
        "SK[a-f0-9]{32}"
    ),
    begun!("sendgrid-key", "a SendGrid key", ["sg."], r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    apart!("mailgun-key", "a Mailgun key", ["key-"], "key-[a-f0-9]{32}"),
    apart!("mailchimp-key", "a Mailchimp key", ["-us"], "[a-f0-9]{32}-us[0-9]{1,2}"),
    apart!(
        "resend-key",
        "a Resend key",
        ["re_"],
        "re_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}",
        350,
        Proof::Must(check::is_mixed)
    ),
    begun!("brevo-key", "a Brevo key", ["xkeysib-"], "xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}"),
    // Payment.
    begun!(
        "stripe-key",
        "a Stripe key",
        ["sk_live_", "sk_test_", "rk_live_", "rk_test_"],
        "[sr]k_(?:live|test)_[A-Za-z0-9]{16,247}",
        330,
        Proof::Must(check::is_mixed)
    ),
    begun!(
        "webhook-secret",
        "the secret that signs webhooks",
        ["whsec_"],
        "whsec_[A-Za-z0-9+/]{24,90}={0,2}",
        350,
        Proof::Must(check::is_mixed)
    ),
    begun!(
        "square-secret",
        "a Square secret",
        ["sq0csp-", "sq0atp-"],
        "sq0(?:csp-[A-Za-z0-9_-]{43}|atp-[A-Za-z0-9_-]{22})"
    ),
    begun!(
        "shopify-token",
        "a Shopify token",
        ["shpat_", "shpca_", "shppa_", "shpss_"],
        "shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"
    ),
    begun!(
        "braintree-token",
        "a Braintree token",
        ["access_token$production$"],
        r"access_token\$production\$[a-z0-9]{16}\$[a-f0-9]{32}"
    ),
    apart!(
        "plaid-token",
        "a Plaid access token",
        ["access-sandbox-", "access-development-", "access-production-"],
        "access-(?:sandbox|development|production)-[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}"
    ),
    begun!(
        "flutterwave-key",
        "a Flutterwave secret key",
        ["flwseck"],
        "FLWSECK(?:_TEST)?-[a-f0-9]{12,32}-X"
    ),
    begun!(
        "shippo-token",
        "a Shippo token",
        ["shippo_live_", "shippo_test_"],
        "shippo_(?:live|test)_[a-f0-9]{40}"
    ),
    begun!(
        "easypost-key",
        "an EasyPost key",
        ["ezak", "eztk"],
        "EZ[AT]K[A-Za-z0-9]{54}",
        350,
        Proof::Shape
    ),
    // Models.
    begun!(
        "anthropic-key",
        "an Anthropic key",
        ["sk-ant-"],
        "sk-ant-[a-z]{3,8}[0-9]{2}-[A-Za-z0-9_-]{40,200}"
    ),
    begun!(
        "openai-key",
        "an OpenAI key",
        ["sk-proj-", "sk-svcacct-", "sk-admin-", "t3blbkfj"],
        "sk-(?:(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,250}|[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})",
        350,
        Proof::Shape
    ),
    begun!("openrouter-key", "an OpenRouter key", ["sk-or-v1-"], "sk-or-v1-[a-f0-9]{64}"),
    apart!("model-key", "the key of a model provider", ["sk-"], "sk-[a-f0-9]{32}"),
    apart!(
        "huggingface-token",
        "a Hugging Face token",
        ["hf_", "api_org_"],
        "(?:hf_|api_org_)[A-Za-z]{34}",
        380,
        Proof::Shape
    ),
    apart!("groq-key", "a Groq key", ["gsk_"], "gsk_[A-Za-z0-9]{52}", 380, Proof::Shape),
    apart!(
        "replicate-token",
        "a Replicate token",
        ["r8_"],
        "r8_[A-Za-z0-9]{37}",
        380,
        Proof::Must(check::is_mixed)
    ),
    begun!(
        "perplexity-key",
        "a Perplexity key",
        ["pplx-"],
        "pplx-[A-Za-z0-9]{48,56}",
        350,
        Proof::Shape
    ),
    begun!("xai-key", "an xAI key", ["xai-"], "xai-[A-Za-z0-9]{80}", 350, Proof::Shape),
    begun!(
        "nvidia-key",
        "an NVIDIA key",
        ["nvapi-"],
        "nvapi-[A-Za-z0-9_-]{60,70}",
        350,
        Proof::Shape
    ),
    begun!(
        "langsmith-key",
        "a LangSmith key",
        ["lsv2_"],
        "lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}"
    ),
    begun!(
        "pinecone-key",
        "a Pinecone key",
        ["pcsk_"],
        "pcsk_[A-Za-z0-9_]{50,80}",
        350,
        Proof::Shape
    ),
    apart!("cerebras-key", "a Cerebras key", ["csk-"], "csk-[a-z0-9]{48}", 350, Proof::Shape),
    apart!(
        "tavily-key",
        "a Tavily key",
        ["tvly-"],
        "tvly-(?:dev-|prod-)?[A-Za-z0-9]{32}",
        350,
        Proof::Shape
    ),
    apart!("elevenlabs-key", "an ElevenLabs key", ["sk_"], "sk_[a-f0-9]{48}"),
    // What watches, plans and stores.
    begun!("newrelic-key", "a New Relic key", ["nrak-"], "NRAK-[A-Z0-9]{27}"),
    begun!(
        "sentry-token",
        "a Sentry token",
        ["sntrys_", "sntryu_"],
        "sntry(?:u_[a-f0-9]{64}|s_eyJ[A-Za-z0-9+/=_-]{80,500})"
    ),
    begun!(
        "grafana-token",
        "a Grafana token",
        ["glsa_", "glc_eyj"],
        "gl(?:sa_[A-Za-z0-9]{32}_[a-f0-9]{8}|c_eyJ[A-Za-z0-9+/]{60,400}={0,3})"
    ),
    begun!(
        "dynatrace-token",
        "a Dynatrace token",
        ["dt0c01.", "dt0s01.", "dt0s16."],
        r"dt0[cs][01][16]\.[A-Z2-7]{8,24}\.[A-Z2-7]{64}"
    ),
    apart!(
        "honeycomb-key",
        "a Honeycomb key",
        ["hcaik_", "hcxik_", "hcalk_"],
        "hc[ax][il]k_[a-z0-9]{58}",
        350,
        Proof::Shape
    ),
    apart!(
        "posthog-key",
        "a PostHog personal key",
        ["phx_"],
        "phx_[A-Za-z0-9]{40,60}",
        350,
        Proof::Must(check::is_mixed)
    ),
    begun!(
        "linear-key",
        "a Linear key",
        ["lin_api_", "lin_oauth_"],
        "lin_(?:api|oauth)_[A-Za-z0-9]{40,64}"
    ),
    apart!(
        "notion-token",
        "a Notion token",
        ["ntn_", "secret_"],
        "(?:ntn_[0-9]{11}[A-Za-z0-9]{35}|secret_[A-Za-z0-9]{43})",
        380,
        Proof::Must(check::is_mixed)
    ),
    begun!("figma-token", "a Figma token", ["figd_"], "figd_[A-Za-z0-9_-]{38,44}"),
    apart!("airtable-token", "an Airtable token", ["pat"], r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}"),
    begun!("contentful-token", "a Contentful token", ["cfpat-"], "CFPAT-[A-Za-z0-9_-]{43}"),
    apart!(
        "hubspot-token",
        "a HubSpot token",
        ["pat-na", "pat-eu"],
        "pat-(?:na|eu)[0-9]-[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}"
    ),
    begun!("postman-key", "a Postman key", ["pmak-"], "PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
    begun!(
        "mapbox-token",
        "a Mapbox secret token",
        ["sk.eyj"],
        r"sk\.eyJ[A-Za-z0-9_-]{40,200}\.[A-Za-z0-9_-]{22}"
    ),
    begun!("typeform-token", "a Typeform token", ["tfp_"], r"tfp_[A-Za-z0-9_.=-]{59}"),
    begun!("readme-key", "a ReadMe key", ["rdme_"], "rdme_[a-z0-9]{70}"),
    apart!("prefect-key", "a Prefect key", ["pnu_"], "pnu_[a-zA-Z0-9]{36}", 350, Proof::Shape),
    apart!(
        "dropbox-token",
        "a Dropbox token",
        ["sl."],
        r"sl\.(?:u\.)?[A-Za-z0-9_-]{130,1500}",
        400,
        Proof::Must(check::is_mixed)
    ),
    Format {
        id: "facebook-token",
        what: "a Facebook access token",
        keywords: &["eaa"],
        // Within base64 that goes on it is chance.
        pattern: "(?:^|[^A-Za-z0-9_/+])(EAA[A-Za-z0-9]{100,300})(?:[^A-Za-z0-9_/+=]|$)",
        floor: 400,
        proof: Proof::Must(check::is_mixed),
    },
    begun!(
        "twitter-token",
        "a bearer token of X",
        ["aaaaaaaaaaaaaaaaaaa"],
        "A{19}[A-Za-z0-9%]{20,60}%3D[A-Za-z0-9]{40,60}",
        330,
        Proof::Digits(check::is_mixed)
    ),
    // Of no one issuer.
    apart!(
        "signed-token",
        "a signed JSON web token",
        ["eyj"],
        r"eyJ[A-Za-z0-9_-]{10,1200}\.eyJ[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_-]{27,800}",
        350,
        Proof::Must(check::is_signed_token)
    ),
];
