//! Hosts that the `packages` egress allows: public registries of languages and distributions.
//!
//! Data only. A registry belongs here when installing from it is what its host is for; a host that
//! also takes uploads of anybody is judged stricter by the method where the gateway sees one.

/// One registry: who uses it, and its hosts (exact, or `*.suffix`).
pub struct Registry {
    /// The tool or distribution, as people call it.
    pub name: &'static str,
    /// Patterns as in an allow-list.
    pub hosts: &'static [&'static str],
}

/// Every registry the `packages` egress knows.
pub const REGISTRIES: &[Registry] = &[
    Registry {
        name: "cargo",
        hosts: &["crates.io", "static.crates.io", "index.crates.io", "static.rust-lang.org"],
    },
    Registry {
        name: "npm",
        hosts: &[
            "registry.npmjs.org",
            "registry.yarnpkg.com",
            "repo.yarnpkg.com",
            "nodejs.org",
            "npm.jsr.io",
            "jsr.io",
        ],
    },
    Registry { name: "bun and deno", hosts: &["bun.sh", "deno.land", "dl.deno.land"] },
    Registry {
        name: "pypi",
        hosts: &["pypi.org", "files.pythonhosted.org", "bootstrap.pypa.io", "www.python.org"],
    },
    Registry { name: "conda", hosts: &["conda.anaconda.org", "repo.anaconda.com"] },
    Registry {
        name: "go",
        hosts: &["proxy.golang.org", "sum.golang.org", "go.dev", "dl.google.com"],
    },
    Registry {
        name: "maven and gradle",
        hosts: &[
            "repo.maven.apache.org",
            "repo1.maven.org",
            "plugins.gradle.org",
            "services.gradle.org",
            "downloads.gradle.org",
            "maven.google.com",
        ],
    },
    Registry { name: "rubygems", hosts: &["rubygems.org", "index.rubygems.org"] },
    Registry {
        name: "composer",
        hosts: &["packagist.org", "repo.packagist.org", "getcomposer.org"],
    },
    Registry { name: "nuget", hosts: &["api.nuget.org", "www.nuget.org", "globalcdn.nuget.org"] },
    Registry { name: "hex", hosts: &["hex.pm", "repo.hex.pm", "builds.hex.pm"] },
    Registry { name: "pub", hosts: &["pub.dev"] },
    Registry { name: "cpan", hosts: &["www.cpan.org", "cpan.metacpan.org"] },
    Registry { name: "cran", hosts: &["cran.r-project.org", "cloud.r-project.org"] },
    Registry { name: "hackage", hosts: &["hackage.haskell.org", "downloads.haskell.org"] },
    Registry {
        name: "debian",
        hosts: &["deb.debian.org", "security.debian.org", "ftp.debian.org", "snapshot.debian.org"],
    },
    Registry {
        name: "ubuntu",
        hosts: &[
            "archive.ubuntu.com",
            "*.archive.ubuntu.com",
            "security.ubuntu.com",
            "ports.ubuntu.com",
        ],
    },
    Registry { name: "alpine", hosts: &["dl-cdn.alpinelinux.org"] },
    Registry { name: "fedora", hosts: &["mirrors.fedoraproject.org", "dl.fedoraproject.org"] },
];
