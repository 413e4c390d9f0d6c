//! How far agents of the organisation may reach: the operator's mode and list, narrowed by an administrator's, and the
//! hosts that the settings name besides. Environment files and people choose within this.

use crate::app::App;
use crate::config::Config;
use crate::egress::may_be_added_to;
use crate::saved_environments::same;
use crate::{sandbox_spec, settings};
use anyhow::{Context, Result};
use gateway::pattern::Pattern;
use gateway::policy::{EgressMode, Policy};
use protocol::api::settings::{AllowedHost, NetworkBody, NetworkMode, SettingsBody};
use protocol::flow::WhenAllThree;
use protocol::ids::OrgId;

/// What holds for agents of some repositories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The mode.
    pub mode: EgressMode,
    /// Entries of the allow-list.
    pub allow: Vec<String>,
    /// What happens where an agent read what nobody here wrote, has secrets and could carry data out.
    pub when_all_three: WhenAllThree,
}

impl Network {
    /// What holds for an agent of these repositories.
    pub async fn of(app: &App, org: &OrgId, repositories: &[&str]) -> Result<Self> {
        Ok(Self::new(&app.config, &settings::read(app, org).await?, repositories))
    }

    /// The same for the gateway.
    pub fn policy(&self) -> Result<Policy> {
        let allow = self.allow.iter().map(|entry| Pattern::parse(entry));
        let allow = allow.collect::<Result<_, _>>().context("read allowed hosts")?;
        Ok(Policy::new(self.mode, allow))
    }

    fn new(config: &Config, settings: &SettingsBody, repositories: &[&str]) -> Self {
        let mut allow = config.network.allow.clone();
        if may_be_added_to(sandbox_spec::mode(config)) {
            let is_for = |host: &&AllowedHost| {
                let only = host.repository.as_deref().map(same);
                only.is_none_or(|only| repositories.iter().any(|url| same(url) == only))
            };
            let hosts = settings.allowed_hosts.iter().filter(is_for);
            allow.extend(hosts.map(|host| host.entry.clone()));
        }
        Self {
            mode: mode(config, settings),
            allow,
            when_all_three: when_all_three(config, settings),
        }
    }
}

/// The narrower of the two.
fn mode(config: &Config, settings: &SettingsBody) -> EgressMode {
    let floor = word(sandbox_spec::mode(config));
    match settings.network_mode.map_or(floor, |wished| wished.min(floor)) {
        NetworkMode::Offline => EgressMode::Offline,
        NetworkMode::Allowlist => EgressMode::Allowlist,
        NetworkMode::Packages => EgressMode::Packages,
        NetworkMode::Open => EgressMode::Open,
    }
}

/// The stricter of the two.
fn when_all_three(config: &Config, settings: &SettingsBody) -> WhenAllThree {
    let floor = config.network.when_all_three;
    settings.when_all_three.map_or(floor, |wished| wished.max(floor))
}

const fn word(mode: EgressMode) -> NetworkMode {
    match mode {
        EgressMode::Offline => NetworkMode::Offline,
        EgressMode::Allowlist => NetworkMode::Allowlist,
        EgressMode::Packages => NetworkMode::Packages,
        EgressMode::Open => NetworkMode::Open,
    }
}

/// All of it, for people.
pub fn shown(config: &Config, settings: SettingsBody) -> NetworkBody {
    let floor = sandbox_spec::mode(config);
    NetworkBody {
        mode: word(mode(config, &settings)),
        floor: word(floor),
        when_all_three: when_all_three(config, &settings),
        when_all_three_floor: config.network.when_all_three,
        floor_hosts: config.network.allow.clone(),
        hosts: settings.allowed_hosts,
        may_add: may_be_added_to(floor),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(floor: &str, mode: Option<NetworkMode>, repository: &str) -> Network {
        let mut config = Config::default();
        floor.clone_into(&mut config.network.mode);
        config.network.allow = vec!["operator.example".to_owned()];
        let host = |entry: &str, repository: Option<&str>| AllowedHost {
            entry: entry.to_owned(),
            repository: repository.map(str::to_owned),
        };
        let settings = SettingsBody {
            network_mode: mode,
            allowed_hosts: vec![
                host("all.example", None),
                host("one.example", Some("https://forge.example/one")),
            ],
            ..SettingsBody::default()
        };
        Network::new(&config, &settings, &[repository])
    }

    #[test]
    fn the_narrower_mode_holds() {
        use NetworkMode::{Allowlist, Offline, Open, Packages};
        for (floor, wished, mode) in [
            ("packages", None, EgressMode::Packages),
            ("packages", Some(Open), EgressMode::Packages),
            ("packages", Some(Offline), EgressMode::Offline),
            ("open", Some(Allowlist), EgressMode::Allowlist),
            ("offline", Some(Packages), EgressMode::Offline),
            ("allowlist", Some(Packages), EgressMode::Allowlist),
        ] {
            assert_eq!(holds(floor, wished, "/x").mode, mode, "{floor} {wished:?}");
        }
    }

    #[test]
    fn the_stricter_rule_of_two_holds() {
        use WhenAllThree::{Allow, Ask, Narrow};
        for (floor, wished, expected) in [
            (Narrow, None, Narrow),
            (Narrow, Some(Allow), Narrow),
            (Allow, Some(Ask), Ask),
            (Ask, Some(Narrow), Narrow),
            (Ask, Some(Allow), Ask),
        ] {
            let mut config = Config::default();
            config.network.when_all_three = floor;
            let settings = SettingsBody { when_all_three: wished, ..SettingsBody::default() };
            let network = Network::new(&config, &settings, &[]);
            assert_eq!(network.when_all_three, expected, "{floor:?} {wished:?}");
        }
    }

    #[test]
    fn hosts_are_for_all_or_for_one_repository() {
        let one = "https://forge.example/one";
        let all = ["operator.example", "all.example", "one.example"];
        assert_eq!(holds("packages", None, one).allow, all);
        assert_eq!(holds("packages", None, "https://forge.example/two").allow, all[..2]);
        // An organisation's own list is not the operator's: that one may be added to by nobody.
        assert_eq!(holds("packages", Some(NetworkMode::Allowlist), one).allow, all);
        assert_eq!(holds("allowlist", None, one).allow, all[..1]);
    }
}
