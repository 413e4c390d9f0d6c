//! Pull requests of hosts: the one that an agent is to go on with, and what of a text is ours.

use crate::api::error::{ApiError, ApiResult};
use crate::app::App;
use crate::auth::Caller;
use axum::http::StatusCode;
use forge::account::Kind;
use forge::forge::ForgeError;
use git::url::RemoteUrl;
use protocol::api::agents::{CreateAgent, RepoBody};
use url::Url;

/// Before what Errand writes into a text that people may write into as well.
const BEGIN: &str = "<!-- errand:begin -->";
/// After it.
const END: &str = "<!-- errand:end -->";
/// Words of headings below which a template wants to know what was done.
const SUMMARY: [&str; 7] =
    ["summary", "description", "what", "changes", "overview", "about", "motivation"];

/// Puts the branches of pull requests that are to be continued in the place of starting refs.
pub async fn resolve(app: &App, caller: &Caller, body: &mut CreateAgent) -> ApiResult<()> {
    for (index, repo) in body.repos.iter_mut().enumerate() {
        let Some(link) = repo.pr_url.clone() else { continue };
        let head = head_of(app, caller, repo, &link).await.map_err(|problem| {
            let message = format!("repos[{index}].prUrl: {problem}");
            ApiError::new(StatusCode::BAD_REQUEST, "pr_resolution_failed", message)
        })?;
        repo.starting_ref = Some(head);
        body.work_on_current_branch = Some(true);
    }
    Ok(())
}

async fn head_of(
    app: &App,
    caller: &Caller,
    repo: &RepoBody,
    link: &str,
) -> Result<String, String> {
    let remote = RemoteUrl::parse(&repo.url).map_err(|bad| bad.to_string())?;
    let Some((connection, repository)) = app.forges.of(&caller.org, &remote) else {
        return Err("its host is not connected: connect it, or use startingRef".to_owned());
    };
    let account = &connection.account;
    let number = number_of(account.kind, &repository.below(&repository.full_name()), link);
    let number = number.ok_or_else(|| format!("is no pull request of {}", repo.url))?;
    let told = |error: ForgeError| error.to_string();
    let forge = account.forge(repository).map_err(told)?;
    let pull = forge.get(number).await.map_err(told)?;
    if !pull.state.is_open() {
        return Err(format!("pull request {number} is {}", pull.state.as_str()));
    }
    let head = &pull.content.head;
    let here = forge.branch(head).await.map_err(told)?;
    if here.as_ref() != Some(&pull.content.commit) {
        return Err("its branch is not in this repository, so it cannot be pushed to".to_owned());
    }
    Ok(head.to_string())
}

/// The number in the link of a pull request of the repository whose page this is.
fn number_of(kind: Kind, page: &str, link: &str) -> Option<u64> {
    let (page, link) = (Url::parse(page).ok()?, Url::parse(link).ok()?);
    if page.origin() != link.origin() {
        return None;
    }
    let (root, path) = (format!("{}/{}/", page.path(), kind.pulls()), link.path());
    // Owners and names are told apart without regard to case.
    let start = path.get(..root.len()).filter(|start| start.eq_ignore_ascii_case(&root))?;
    path.get(start.len()..)?.split('/').next()?.parse().ok()
}

/// Our text, marked as such.
pub fn marked(ours: &str) -> String {
    format!("{BEGIN}\n{ours}\n{END}")
}

/// A text with ours in place of what we wrote before; what people wrote around it stays. Who took our marks out wants
/// the text as it is.
pub fn renewed(there: &str, ours: &str) -> String {
    let Some((before, rest)) = there.split_once(BEGIN) else { return there.to_owned() };
    // The newest mark of the end: what stands in between was ours. Where a host cut it off, all of the rest was.
    let after = rest.rsplit_once(END).map_or("", |(_, after)| after);
    format!("{before}{}{after}", marked(ours))
}

/// A repository's template with our text where it asks what was done.
pub fn filled(template: &str, ours: &str) -> String {
    let template = without_comments(template);
    let lines: Vec<&str> = template.lines().collect();
    let asks = |line: &&str| {
        let is_heading = line.starts_with('#');
        let words = line.to_lowercase();
        is_heading && SUMMARY.iter().any(|word| words.contains(word))
    };
    let ours = marked(ours);
    match lines.iter().position(asks).and_then(|at| lines.split_at_checked(at + 1)) {
        Some((before, after)) => {
            format!("{}\n\n{ours}\n\n{}", before.join("\n"), after.join("\n").trim_start())
        }
        None => format!("{ours}\n\n{}", template.trim()),
    }
    .trim()
    .to_owned()
}

/// What a template tells its reader only.
fn without_comments(template: &str) -> String {
    let mut rest = template;
    let mut out = String::new();
    while let Some((before, comment)) = rest.split_once("<!--") {
        out.push_str(before);
        rest = comment.split_once("-->").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_around_ours_stays() {
        let first = format!("{}\n", marked("one"));
        let edited = format!("Please read.\n\n{first}\nFixes #4");
        let second = renewed(&edited, "two");
        assert_eq!(second, format!("Please read.\n\n{}\n\nFixes #4", marked("two")));
        assert_eq!(renewed("all by hand", "two"), "all by hand");
        let cut = format!("{BEGIN}\nvery lo");
        assert_eq!(renewed(&cut, "two"), marked("two"));
    }

    #[test]
    fn a_template_is_filled_where_it_asks() {
        let template =
            "<!-- be nice -->\n## What does this change?\n<!-- here -->\n\n## Tests\n- [ ] added\n";
        let filled_in = filled(template, "It adds.");
        let expected =
            format!("## What does this change?\n\n{}\n\n## Tests\n- [ ] added", marked("It adds."));
        assert_eq!(filled_in, expected);
        assert_eq!(filled("- [ ] signed", "x"), format!("{}\n\n- [ ] signed", marked("x")));
        assert_eq!(filled("<!-- open", "x"), marked("x"));
    }

    #[test]
    fn only_links_of_the_repository_itself_count() {
        let page = "https://lab.example/g/sub/r";
        let of = |link: &str| number_of(Kind::Gitlab, page, link);
        assert_eq!(of("https://lab.example/g/sub/r/-/merge_requests/17"), Some(17));
        assert_eq!(of("https://lab.example/G/sub/R/-/merge_requests/17/diffs"), Some(17));
        assert_eq!(of("https://lab.example/g/sub/r2/-/merge_requests/17"), None);
        assert_eq!(of("https://evil.example/g/sub/r/-/merge_requests/17"), None);
        assert_eq!(of("http://lab.example/g/sub/r/-/merge_requests/17"), None);
        let hub = "https://github.com/o/r";
        assert_eq!(number_of(Kind::Github, hub, "https://github.com/o/r/pull/3#x"), Some(3));
        assert_eq!(number_of(Kind::Github, hub, "https://github.com/o/r/issues/3"), None);
    }
}
