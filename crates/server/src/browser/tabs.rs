//! The tabs of a browser and which of them is shown.

use super::words::Target;
use protocol::api::browser::{BrowserPage, BrowserTab};

/// Tabs that are known; what a page opens beyond is left alone.
const TABS: usize = 20;

/// The tabs, oldest first.
#[derive(Debug, Default)]
pub struct Tabs {
    known: Vec<Target>,
    /// The one that is shown, or about to be.
    pub active: Option<String>,
    /// The connection to it, once there is one.
    pub session: Option<String>,
}

impl Tabs {
    /// A tab came or changed; its id if it is to be shown now.
    pub fn note(&mut self, target: Target) -> Option<String> {
        if let Some(known) = self.known.iter_mut().find(|known| known.id == target.id) {
            *known = target;
            return None;
        }
        if !self.has_room() {
            return None;
        }
        let shows = self.active.is_none() || target.opened;
        let id = target.id.clone();
        self.known.push(target);
        shows.then_some(id)
    }

    /// The page that is shown is called so; not every change of it is told.
    pub fn entitle(&mut self, title: &str) {
        let active = self.active.as_deref();
        if let Some(tab) = self.known.iter_mut().find(|tab| active == Some(&tab.id))
            && !title.is_empty()
        {
            title.clone_into(&mut tab.title);
        }
    }

    /// A tab is gone; whether it was the one that is shown.
    pub fn forget(&mut self, id: &str) -> bool {
        self.known.retain(|known| known.id != id);
        let was_shown = self.active.as_deref() == Some(id);
        if was_shown {
            (self.active, self.session) = (None, None);
        }
        was_shown
    }

    /// Whether this is the connection to the tab that is shown.
    pub fn is_shown(&self, session: &str) -> bool {
        self.session.as_deref() == Some(session)
    }

    /// Whether there is such a tab.
    pub fn knows(&self, id: &str) -> bool {
        self.known.iter().any(|known| known.id == id)
    }

    /// Whether there is no other tab.
    pub fn is_only(&self, id: &str) -> bool {
        self.knows(id) && self.known.len() == 1
    }

    /// Whether there may be another.
    pub fn has_room(&self) -> bool {
        self.known.len() < TABS
    }

    /// The newest.
    pub fn last(&self) -> Option<String> {
        self.known.last().map(|known| known.id.clone())
    }

    /// Writes what is known of tabs into a page's description.
    pub fn fill(&self, page: &mut BrowserPage) {
        let is_active = |tab: &Target| self.active.as_deref() == Some(&tab.id);
        let shown = self.known.iter().find(|tab| is_active(tab));
        page.url = shown.map(|tab| tab.url.clone()).unwrap_or_default();
        page.title = shown.map(|tab| tab.title.clone()).unwrap_or_default();
        let tabs = self.known.iter().map(|tab| BrowserTab {
            id: tab.id.clone(),
            title: tab.title.clone(),
            url: tab.url.clone(),
            active: is_active(tab),
        });
        page.tabs = tabs.collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tab(id: &str, opened: bool) -> Target {
        Target { id: id.to_owned(), title: String::new(), url: String::new(), opened }
    }

    #[test]
    fn the_first_tab_is_shown_and_then_what_pages_open() {
        let mut tabs = Tabs::default();
        assert_eq!(tabs.note(tab("a", false)).as_deref(), Some("a"));
        tabs.active = Some("a".to_owned());
        assert_eq!(tabs.note(tab("b", false)), None);
        assert_eq!(tabs.note(tab("c", true)).as_deref(), Some("c"));
        assert_eq!(tabs.note(tab("c", true)), None, "known already");
        assert!(tabs.forget("a") && !tabs.forget("b"));
        assert_eq!((tabs.last().as_deref(), tabs.is_only("c")), (Some("c"), true));
    }

    #[test]
    fn a_page_that_opens_tabs_without_end_gets_no_further() {
        let mut tabs = Tabs::default();
        for number in 0..TABS * 10 {
            tabs.note(tab(&number.to_string(), true));
        }
        let mut page = BrowserPage::default();
        tabs.fill(&mut page);
        assert_eq!(page.tabs.len(), TABS);
    }
}
