//! The TypeScript types of the boundary, generated from [`crate::view`]. Native builds with the feature `ts` only.

use persai_protocol::{custom::TimeRange, evidence::DatasourceSelector};
use ts_rs::{Config, TS};

use crate::view;

const HEADER: &str = "// Generated from plugin-wasm/src/view.rs. Do not edit.\n\
                      // Write it anew: cargo run -p plugin-wasm --features ts --bin export-types\n";

/// The whole text of `js-shim/src/generated/view.ts`.
#[must_use]
pub fn view_types() -> String {
    let config = Config::new().with_large_int("number");
    let declarations = [
        TimeRange::decl(&config),
        DatasourceSelector::decl(&config),
        view::HostEnv::decl(&config),
        view::Command::decl(&config),
        view::Patch::decl(&config),
        view::ViewNode::decl(&config),
        view::AppView::decl(&config),
        view::Phase::decl(&config),
        view::TroubleView::decl(&config),
        view::DatasourceOption::decl(&config),
        view::ModelOption::decl(&config),
        view::ConversationOption::decl(&config),
        view::MessageView::decl(&config),
        view::Speaker::decl(&config),
        view::MessageState::decl(&config),
        view::Part::decl(&config),
        view::ToolView::decl(&config),
        view::ToolState::decl(&config),
        view::PanelView::decl(&config),
        view::MdOp::decl(&config),
        view::MdNode::decl(&config),
        view::MdKind::decl(&config),
    ];
    let mut text = HEADER.to_owned();
    for declaration in declarations {
        text.push_str("\nexport ");
        text.push_str(&declaration);
        text.push('\n');
    }
    text
}
