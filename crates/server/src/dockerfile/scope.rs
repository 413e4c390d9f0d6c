//! What holds for a step: variables, folder, user, shell.

use super::recipe::{Recipe, Run, declared};
use super::words::{Reading, Variables};
use serde::Serialize;

/// Where programs are, where an image does not say it.
const PATH: &str = "/opt/errand/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What holds for a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scope {
    /// Of everything in the image.
    pub env: Variables,
    /// Of the build only.
    pub args: Variables,
    /// Where commands run.
    pub folder: String,
    /// As whom.
    pub user: String,
    /// What runs commands that are a text.
    pub shell: Vec<String>,
}

impl Scope {
    /// That of a stage on an image with these variables.
    pub fn new(mut env: Variables) -> Self {
        env.entry("PATH".to_owned()).or_insert_with(|| PATH.to_owned());
        let shell = ["/bin/sh", "-c"].map(str::to_owned).to_vec();
        Self { env, args: Variables::new(), folder: "/".to_owned(), user: "root".to_owned(), shell }
    }

    /// All that names stand for: what the image says comes over what the build says.
    pub fn variables(&self) -> Variables {
        let mut all = self.args.clone();
        all.extend(self.env.clone());
        all
    }

    /// One word, with its variables replaced.
    pub fn word(&self, recipe: &Recipe, text: &str) -> Result<String, String> {
        Reading { escape: recipe.escape, variables: &self.variables() }.word(text)
    }

    /// A text of several lines, with its variables replaced.
    pub fn text(&self, recipe: &Recipe, text: &str) -> Result<String, String> {
        Reading { escape: recipe.escape, variables: &self.variables() }.text(text)
    }

    /// `ENV`.
    pub fn set(&mut self, recipe: &Recipe, text: &str) -> Result<(), String> {
        let variables = self.variables();
        let reading = Reading { escape: recipe.escape, variables: &variables };
        self.env.extend(reading.pairs(text)?);
        Ok(())
    }

    /// `ARG`, with what the build was given.
    pub fn declare(
        &mut self,
        recipe: &Recipe,
        text: &str,
        given: &Variables,
    ) -> Result<(), String> {
        for (name, value) in declared(text, recipe.escape, &self.variables(), given)? {
            let value = value.or_else(|| recipe.globals.get(&name).cloned());
            self.args.extend(value.map(|value| (name, value)));
        }
        Ok(())
    }

    /// `WORKDIR`.
    pub fn enter(&mut self, folder: &str) {
        self.folder = self.place(folder);
    }

    /// A path as it is meant here.
    pub fn place(&self, path: &str) -> String {
        let base = if path.starts_with('/') { "" } else { self.folder.as_str() };
        let mut parts: Vec<&str> = Vec::new();
        for part in base.split('/').chain(path.split('/')) {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                _ => parts.push(part),
            }
        }
        format!("/{}", parts.join("/"))
    }

    /// Program and arguments of a command.
    pub fn argv(&self, run: &Run) -> Vec<String> {
        match run {
            Run::Text(text) => self.shell.iter().cloned().chain([text.clone()]).collect(),
            Run::Program(argv) => argv.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_see_what_was_said_before_them() {
        let given = Variables::from([("GIVEN".to_owned(), "g".to_owned())]);
        let recipe = Recipe::read("ARG TOP=t\nFROM a\n", &given).unwrap();
        let mut scope = Scope::new(Variables::from([("BASE".to_owned(), "b".to_owned())]));
        scope.declare(&recipe, "TOP GIVEN=1 OTHER=$BASE NONE", &given).unwrap();
        scope.set(&recipe, "A=$TOP-$GIVEN-$OTHER-$NONE OTHER=env").unwrap();
        assert_eq!(scope.env["A"], "t-g-b-");
        assert_eq!(scope.word(&recipe, "$OTHER").unwrap(), "env", "the image's comes first");
        assert!(scope.env["PATH"].starts_with("/opt/errand/bin:"));
        scope.enter("src");
        scope.enter("../app/./x");
        assert_eq!(scope.folder, "/app/x");
        assert_eq!(scope.place("../../../y"), "/y");
    }
}
