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
