//! The sentences for every code: what, why, what to do.

use super::trouble::{
    DATASOURCES_UNREADABLE, NO_DATASOURCE, RELAY_INCOMPATIBLE, RELAY_MISSING, RELAY_UNREACHABLE,
    SIGN_IN_AGAIN, STOP_FAILED,
};

pub struct Words {
    pub what: &'static str,
    pub why: &'static str,
    pub todo: &'static str,
    pub can_retry: bool,
}

const fn words(
    what: &'static str,
    why: &'static str,
    todo: &'static str,
    can_retry: bool,
) -> Words {
    Words {
        what,
        why,
        todo,
        can_retry,
    }
}

/// Of the plugin's own codes.
pub fn of_own_code(code: &str) -> Words {
    match code {
        RELAY_UNREACHABLE => words(
            "PersAI can't be reached.",
            "The connection failed, or the PersAI relay is restarting.",
            "It is tried again by itself. What is on screen is kept.",
            true,
        ),
        RELAY_MISSING => words(
            "There is no PersAI relay behind this Perses.",
            "None answered where it is looked for.",
            "Ask whoever runs this Perses to route /persai to the relay, or to name its path in config.json beside the plugin.",
            true,
        ),
        RELAY_INCOMPATIBLE => words(
            "The PersAI plugin and its relay do not fit together.",
            "They speak different protocol versions.",
            "Reload the page. If that does not help, ask whoever runs this Perses to bring both to the same version.",
            true,
        ),
        SIGN_IN_AGAIN => words(
            "Your session has expired.",
            "Perses no longer takes your sign-in, and renewing it failed.",
            "Sign in again, for example in another tab, then try again here. What is on screen is kept.",
            true,
        ),
        DATASOURCES_UNREADABLE => words(
            "The list of datasources can't be read.",
            "Perses did not give it out.",
            "Try again. Until then questions go to the default Prometheus datasource.",
            true,
        ),
        NO_DATASOURCE => words(
            "There is no Prometheus datasource to ask.",
            "This Perses has no global Prometheus datasource that it proxies.",
            "Ask whoever runs this Perses to add one.",
            true,
        ),
        STOP_FAILED => words(
            "The stop did not arrive.",
            "PersAI could not be reached.",
            "Stop again. The answer goes on until then.",
            false,
        ),
        _ => of_error_code(""),
    }
}

/// Of the codes of `persai_protocol::error::ErrorCode`, as they stand on the wire.
pub fn of_error_code(code: &str) -> Words {
    match code {
        "invalidRequest" | "unsupportedMediaType" | "methodNotAllowed" => words(
            "PersAI did not take the question.",
            "Its form was not what the relay reads.",
            "Reload the page and ask again.",
            true,
        ),
        "bodyTooLarge" => words(
            "The question is too long.",
            "The relay takes less at once.",
            "Shorten it and ask again.",
            false,
        ),
        "notFound" => words(
            "That conversation is not here.",
            "It was deleted, or it is not yours.",
            "Start a new conversation.",
            false,
        ),
        "unknownModel" => words(
            "That model is not offered any more.",
            "The relay does not know it.",
            "Choose another model.",
            true,
        ),
        "persesTokenExpired" => of_own_code(SIGN_IN_AGAIN),
        "crossSiteRefused" => words(
            "PersAI refused the request as cross-site.",
            "This page's address is not among the relay's public origins.",
            "Ask whoever runs this Perses to add this address to public_origins.",
            false,
        ),
        "forbidden" => words(
            "You are not allowed to do that.",
            "Your Perses permissions do not cover it.",
            "Ask whoever grants permissions in this Perses.",
            false,
        ),
        "runActive" => words(
            "The question was not sent.",
            "Another answer is still being written in this conversation.",
            "Wait for it or stop it, then try again.",
            true,
        ),
        "rateLimited" => words(
            "Too many requests.",
            "A limit of the relay was reached.",
            "It goes on by itself.",
            true,
        ),
        "browserKeyRequired" => words(
            "This browser keeps no storage for PersAI.",
            "Without sign-in, histories are kept apart by a key in the browser's storage.",
            "Allow storage for this site and reload the page.",
            false,
        ),
        "persesUnreachable" => words(
            "PersAI can't reach Perses.",
            "Perses did not answer the relay.",
            "Try again. If it lasts, tell whoever runs this Perses.",
            true,
        ),
        "storageUnavailable" => words(
            "PersAI can't write its log.",
            "Its storage is not available.",
            "Try again. If it lasts, tell whoever runs this Perses.",
            true,
        ),
        "draining" => words(
            "PersAI is restarting.",
            "It takes no new questions right now.",
            "Try again.",
            true,
        ),
        "internal" => words(
            "Something in PersAI failed.",
            "The relay's own log says more.",
            "Try again. If it lasts, tell whoever runs this Perses.",
            true,
        ),
        _ => of_run_code(code),
    }
}

/// What a tool call or a run can meet.
fn of_run_code(code: &str) -> Words {
    match code {
        "datasourceUnknown" => words(
            "That datasource does not exist.",
            "Perses does not know it, or you may not see it.",
            "Choose another datasource.",
            true,
        ),
        "datasourceForbidden" => words(
            "You may not query that datasource.",
            "Your Perses permissions do not cover it.",
            "Ask whoever grants permissions in this Perses for read access to it.",
            true,
        ),
        "datasourceNotProxied" => words(
            "That datasource can't be asked.",
            "It has a direct URL, so Perses does not proxy it.",
            "Choose another datasource, or ask for a proxied one.",
            true,
        ),
        "endpointNotAllowed" => words(
            "The datasource does not allow this request.",
            "Its list of allowed endpoints leaves it out.",
            "Ask whoever runs this Perses to allow it.",
            true,
        ),
        "upstreamUnreachable"
        | "upstreamTimeout"
        | "upstreamRefused"
        | "upstreamMalformed"
        | "upstreamError" => words(
            "The datasource did not answer well.",
            "Its server failed.",
            "Try again, or ask for less.",
            true,
        ),
        "resultTooLarge" => words(
            "The result was too large.",
            "It passed the relay's limit.",
            "Ask for fewer series or less time.",
            true,
        ),
        "queryInvalid" => words(
            "The query does not parse.",
            "It is not valid PromQL.",
            "Correct it and ask again.",
            true,
        ),
        "queryRefused" => words(
            "The query was refused.",
            "It would cost the datasource too much.",
            "Ask for something narrower.",
            true,
        ),
        "argumentsInvalid" | "unknownTool" => words(
            "The model called a tool in a wrong way.",
            "The call could not be understood.",
            "Try again, or choose another model.",
            true,
        ),
        "providerAuth" => words(
            "The model's provider refused the relay's key.",
            "The key is wrong or has no access to this model.",
            "Tell whoever runs PersAI, or choose another model.",
            true,
        ),
        "providerError" | "providerOverloaded" | "providerTruncated" | "providerTimeout" => words(
            "The model did not finish.",
            "Its provider failed or was too busy.",
            "Try again, or choose another model.",
            true,
        ),
        "contextTooLong" => words(
            "The conversation is too long for this model.",
            "It does not fit into what the model can read.",
            "Start a new conversation.",
            false,
        ),
        "budgetSpent" => words(
            "A budget is spent.",
            "This answer reached a limit set by whoever runs PersAI.",
            "Ask something smaller, or come back later.",
            true,
        ),
        "cancelled" => words(
            "Stopped.",
            "You stopped this answer.",
            "What was written is kept. Try again when you like.",
            true,
        ),
        "relayRestarted" => words(
            "PersAI was restarted while it answered.",
            "The relay went down in the middle.",
            "What was answered is kept. Try again.",
            true,
        ),
        _ => words(
            "The answer failed.",
            "PersAI did not say why.",
            "Try again.",
            true,
        ),
    }
}
