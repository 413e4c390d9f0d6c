//! The provider's isolation report as `errand doctor` shows it.

use protocol::api::agents::DoctorCheck;
use sandbox::isolation::{IsolationReport, WallState};

/// One check a wall: what was found, what it protects from, how to improve it.
pub fn checks(report: &IsolationReport) -> Vec<DoctorCheck> {
    let check = |wall: &sandbox::isolation::Wall| {
        let (state, found) = match &wall.state {
            WallState::Enforced => ("ok", String::new()),
            WallState::Reduced(reason) => ("reduced", format!("{reason}. ")),
            WallState::Missing(reason) => ("missing", format!("{reason}. ")),
        };
        let improve = if wall.improve.is_empty() {
            String::new()
        } else {
            format!(". To improve: {}", wall.improve)
        };
        DoctorCheck {
            name: format!("sandbox: {}", wall.name),
            state: state.to_owned(),
            detail: format!("{found}protects from {}{improve}", wall.protects),
        }
    };
    report.walls.iter().map(check).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_says_what_it_protects_from_and_how_to_improve_it() {
        let mut report = IsolationReport::default();
        report.enforced("posture", "walls that were built wrongly");
        report.missing("disk_limit", "there is no quota", "a full disk", "use another disk");
        let [posture, disk] = checks(&report).try_into().unwrap();
        assert_eq!((posture.name.as_str(), posture.state.as_str()), ("sandbox: posture", "ok"));
        assert_eq!(posture.detail, "protects from walls that were built wrongly");
        assert_eq!(disk.state, "missing");
        let words = "there is no quota. protects from a full disk. To improve: use another disk";
        assert_eq!(disk.detail, words);
    }
}
