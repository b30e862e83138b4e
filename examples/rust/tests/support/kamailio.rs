//! Debian's Kamailio as a stand-in for the server under test (`PEERS_STANDIN=kamailio`): it tells
//! a fault of this harness from a fault of ours.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use super::server::{DOMAIN, Spec};

const MODULES: &str = "/usr/lib/x86_64-linux-gnu/kamailio/modules/";
const TABLES: &str = "/usr/share/kamailio/dbtext/kamailio";

/// Writes the configuration for `spec` into its directory and returns the command line.
pub(super) fn command(spec: &Spec) -> Command {
    let tables = spec.data.join("tables");
    let run = spec.data.join("run");
    if !tables.exists() {
        fs::create_dir_all(&tables).expect("the data directory is writable");
        fs::create_dir_all(&run).expect("the data directory is writable");
        for table in ["version", "location", "location_attrs"] {
            let from = format!("{TABLES}/{table}");
            fs::copy(&from, tables.join(table)).unwrap_or_else(|e| panic!("{from}: {e}"));
        }
    }
    let config = spec.data.join("kamailio.cfg");
    fs::write(&config, configuration(spec, &tables.display().to_string())).expect("writable");
    let mut command = Command::new(super::find_program("kamailio").expect("checked before"));
    command.args(["-DD", "-E", "-m", "64", "-M", "8", "-f"]).arg(&config);
    command.arg("-Y").arg(&run).arg("-P").arg(run.join("pid")).arg("-w").arg(&run);
    command
}

fn configuration(spec: &Spec, tables: &str) -> String {
    let port = spec.port;
    let mut text = format!(
        "#!KAMAILIO\ndebug=2\nlog_stderror=yes\nfork=yes\nchildren=1\ntcp_children=1\n\
         auto_aliases=no\nlisten=udp:127.0.0.1:{port}\nlisten=tcp:127.0.0.1:{port}\n\
         mpath=\"{MODULES}\"\n"
    );
    let modules = "db_text kex tm sl rr pv maxfwd textops siputils usrloc registrar auth";
    for module in modules.split(' ') {
        writeln!(text, "loadmodule \"{module}.so\"").expect("a string takes all");
    }
    write!(
        text,
        "modparam(\"usrloc\", \"db_mode\", 1)\nmodparam(\"usrloc\", \"db_url\", \"text://{tables}\")\n\
         modparam(\"db_text\", \"db_mode\", 1)\nmodparam(\"rr\", \"enable_full_lr\", 1)\n"
    )
    .expect("a string takes all");
    text.push_str(&routes(spec));
    text
}

fn routes(spec: &Spec) -> String {
    let mut passwords = String::new();
    for account in &spec.accounts {
        let (user, password) = (&account.user, &account.password);
        writeln!(passwords, "    if ($au == \"{user}\") $var(pw) = \"{password}\";")
            .expect("a string takes all");
    }
    let challenge = if spec.challenge_calls {
        format!(
            "  if (is_method(\"INVITE\") && (!pv_auth_check(\"{DOMAIN}\", \"$var(pw)\", \"0\", \"0\"))) {{\n\
             \x20   proxy_challenge(\"{DOMAIN}\", \"1\"); exit;\n  }}\n  consume_credentials();\n"
        )
    } else {
        String::new()
    };
    format!(
        r#"request_route {{
  if (!mf_process_maxfwd_header("70")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
  if (is_method("OPTIONS") && $rU == $null) {{ sl_send_reply("200", "OK"); exit; }}
  if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
  if (has_totag()) {{
    if (loose_route()) {{ t_relay(); exit; }}
    if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
    sl_send_reply("404", "Not Here"); exit;
  }}
  $var(pw) = "";
{passwords}
  if (is_method("REGISTER")) {{
    if ($var(pw) == "" || !pv_auth_check("{DOMAIN}", "$var(pw)", "0", "1")) {{
      auth_challenge("{DOMAIN}", "1"); exit;
    }}
    save("location"); exit;
  }}
{challenge}  if (is_method("INVITE")) record_route();
  t_check_trans();
  if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
  t_relay();
}}
"#
    )
}
