//! One module for all instances that say the same.
//!
//! The emitter writes a module for every instance and names it after its path. Working from the leaves upwards,
//! modules of equal text are represented by the first of them, until nothing changes.

use std::collections::BTreeMap;

/// One `module … endmodule`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Module {
    name: String,
    /// Ports in the order of the head.
    ports: String,
    /// Lines between head and `endmodule`.
    body: Vec<String>,
}

impl Module {
    pub(super) fn text(&self) -> String {
        let mut text = format!("module {}({});\n", self.name, self.ports);
        for line in &self.body {
            text += line;
            text.push('\n');
        }
        text + "endmodule\n"
    }
}

/// The kind of a line that opens an instance, as in `kind instance(`.
fn instantiated(line: &str) -> Option<(&str, &str)> {
    let (kind, rest) = line.trim().split_once(' ')?;
    rest.ends_with('(').then_some((kind, rest))
}

/// The modules of the emitter's text, in its order.
pub(super) fn modules(text: &str) -> Vec<Module> {
    let mut modules = Vec::new();
    let mut current: Option<Module> = None;
    for line in text.lines() {
        let trimmed = line.trim_end();
        if let Some(head) = trimmed.strip_prefix("module ") {
            let (name, ports) = head.split_once('(').unwrap_or((head, ""));
            current = Some(Module {
                name: name.to_owned(),
                ports: ports.trim_end_matches(");").to_owned(),
                body: Vec::new(),
            });
        } else if trimmed.starts_with("endmodule") {
            modules.extend(current.take());
        } else if let Some(module) = &mut current
            && !trimmed.trim().is_empty()
        {
            module.body.push(trimmed.to_owned());
        }
    }
    modules
}

/// Modules of equal text merged, and the emitter's name `top` replaced by `name` everywhere.
pub(super) fn merged(mut modules: Vec<Module>, name: &str) -> Vec<Module> {
    loop {
        let mut representatives = BTreeMap::new();
        let mut renamed = BTreeMap::new();
        for module in &modules {
            let text = (module.ports.clone(), module.body.clone());
            let representative = representatives
                .entry(text)
                .or_insert_with(|| module.name.clone());
            if *representative != module.name {
                renamed.insert(module.name.clone(), representative.clone());
            }
        }
        if renamed.is_empty() {
            break;
        }
        modules.retain(|module| !renamed.contains_key(&module.name));
        rename(&mut modules, |kind| renamed.get(kind).cloned());
    }
    rename(&mut modules, |kind| {
        let rest = kind.strip_prefix("top")?;
        (rest.is_empty() || rest.starts_with('$')).then(|| format!("{name}{rest}"))
    });
    modules
}

/// Gives modules and the kinds of their instances other names, where `other` has one.
fn rename(modules: &mut [Module], other: impl Fn(&str) -> Option<String>) {
    for module in modules {
        if let Some(name) = other(&module.name) {
            module.name = name;
        }
        for line in &mut module.body {
            if let Some((kind, rest)) = instantiated(line)
                && let Some(name) = other(kind)
            {
                let indent = line.len() - line.trim_start().len();
                *line = format!("{}{name} {rest}", &line[..indent]);
            }
        }
    }
}
