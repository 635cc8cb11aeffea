//! ConfigMaps: the files of one folder of one container.

use super::template::{Holes, Template};
use super::{namespace, some};
use crate::app::App;
use crate::value::Node;

static TEMPLATE: Template = Template::new(include_str!("../../templates/config_map.yaml"));

pub(super) fn emit(app: &App) -> Vec<Node> {
    let config_map = |files: &crate::app::ConfigMap| {
        TEMPLATE.fill(
            files.at,
            Holes::new(vec![
                ("name", Some(Node::text(files.name.as_str(), files.at))),
                ("namespace", namespace(app, files.at)),
                ("labels", some(&app.labels, files.at)),
                ("annotations", some(&app.annotations, files.at)),
                ("data", some(&files.data, files.at)),
                ("binary", some(&files.binary, files.at)),
            ]),
        )
    };
    app.config_maps.iter().map(config_map).collect()
}
