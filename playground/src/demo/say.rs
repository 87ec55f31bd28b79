//! What a new user is told when everything is up.

use super::Options;
use super::stack::Stack;

/// What is being waited for, so that half a minute of silence does not look like a fault.
pub fn progress(options: &Options, doing: &str) {
    if !options.json {
        eprintln!("{doing} ...");
    }
}

/// One line of JSON, or the words.
pub fn ready(options: &Options, stack: &Stack) {
    if options.json {
        println!("{}", stack.summary());
        return;
    }
    let url = format!("http://{}:{}", options.host_name, stack.port);
    println!("\nPersAI is up.\n");
    println!("  Open      {url}/explore");
    if options.no_auth {
        println!("  Log in    not needed: this Perses stand-in asks nobody who they are");
    } else {
        println!("  Log in    alice / alice-password");
    }
    println!("  Then      choose the tab \"PersAI\" and ask, for example:");
    println!("            What is the CPU usage per mode over the last 30 minutes?\n");
    if !stack.has_page {
        println!(
            "  The page has not been built, so there is only an API at this address. Build it: npm run build in playground/ui.\n"
        );
    }
    if !stack.modules.iter().any(|name| name == "PersAI") {
        println!(
            "  The PersAI plugin has not been built, so its tab is missing. Build it: npm run build and npm run archive in js-shim.\n"
        );
    }
    println!("Running on this machine only:");
    if !options.no_relay {
        println!(
            "  relay              {url}/persai   (front of the page; default model: {})",
            options.default_model
        );
    }
    println!("  Perses stand-in    {}", stack.perses.url());
    println!(
        "  Prometheus         {}   (with {} h of a small shop's past)",
        stack.prometheus.url, options.hours
    );
    println!(
        "  node exporter      {}",
        stack.prometheus.node_exporter_url
    );
    println!("  shop exporter      {}", stack.exporter.url());
    println!(
        "  model stand-in     {}   (scripted; second model)",
        stack.llm.url()
    );
    println!("  logs and history   {}\n", stack.state_dir.display());
    println!("Ctrl-C stops everything.");
}
