//! Who sends a request, and what they may do.

use playrelay_store::{Role, Scope, TokenHash};

use crate::web::access::permissions::Permission;

/// How the sender of a request is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// By the token in `admin.token`.
    AdminToken,
    /// By `admin_password` of `[server]`.
    AdminPassword,
    /// By a token that a member made for a program.
    ApiToken {
        /// The SHA-256 of the token.
        hash: TokenHash,
        /// The token's name.
        name: String,
    },
    /// By a login in a browser.
    Session {
        /// The SHA-256 of the cookie's value.
        hash: TokenHash,
        /// The member's name.
        name: String,
    },
    /// By a reverse proxy that is trusted.
    Proxy {
        /// The user that the proxy let in.
        name: String,
    },
    /// By an address in `monitoring` of `[access]`.
    Monitoring,
}

/// The sender of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// How the sender is known.
    pub identity: Identity,
    scopes: Vec<Scope>,
}

/// What a role may do.
pub struct Granted(Vec<Scope>);

impl Granted {
    /// Whether this is at least what a principal has.
    pub fn covers(&self, principal: &Principal) -> bool {
        principal.scopes.iter().all(|scope| self.0.contains(scope))
    }
}

impl Principal {
    /// Somebody with some scopes.
    pub fn new(identity: Identity, scopes: Vec<Scope>) -> Self {
        Self { identity, scopes }
    }

    /// Somebody with a role.
    pub fn with_role(identity: Identity, role: Role) -> Self {
        Self::new(identity, Self::of_role(role).0)
    }

    /// What a role may do.
    pub fn of_role(role: Role) -> Granted {
        Granted(match role {
            Role::Admin => [Scope::Read, Scope::Control, Scope::Admin, Scope::Ingest].to_vec(),
            Role::Viewer => vec![Scope::Read],
            Role::Person => vec![Scope::Own],
        })
    }

    /// The name, for logs and pages.
    pub fn name(&self) -> &str {
        match &self.identity {
            Identity::AdminToken | Identity::AdminPassword => "admin",
            Identity::ApiToken { name, .. } | Identity::Session { name, .. } | Identity::Proxy { name } => {
                name
            }
            Identity::Monitoring => "monitoring",
        }
    }

    /// Whether they may do what a route asks for.
    pub fn may(&self, permission: Permission) -> bool {
        let has = |scope| self.scopes.contains(&scope);
        match permission {
            Permission::Open => true,
            Permission::Known => self.identity != Identity::Monitoring,
            Permission::Monitoring => self.identity == Identity::Monitoring || self.may(Permission::Read),
            Permission::Own => has(Scope::Own) || self.may(Permission::Read),
            Permission::OwnControl => has(Scope::Own) || self.may(Permission::Control),
            Permission::Read => has(Scope::Read) || self.may(Permission::Control),
            Permission::Control => has(Scope::Control) || has(Scope::Admin),
            Permission::Admin => has(Scope::Admin),
        }
    }

    /// The name of the only person whose library they may see and change; absent where they may see everybody's.
    pub fn only_person(&self) -> Option<&str> {
        (!self.may(Permission::Read)).then(|| self.name())
    }

    /// What they may do, in words: `own`, `read`, `control`, `admin`, `ingest`.
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_opens_what_it_says_and_less() {
        let who = |scopes: &[Scope]| Principal::new(Identity::AdminToken, scopes.to_vec());
        let open = |scope| {
            let all = [Permission::Monitoring, Permission::Read, Permission::Control, Permission::Admin];
            all.map(|permission| who(&[scope]).may(permission))
        };
        assert_eq!(open(Scope::Read), [true, true, false, false]);
        assert_eq!(open(Scope::Control), [true, true, true, false]);
        assert_eq!(open(Scope::Admin), [true, true, true, true]);
        assert_eq!(open(Scope::Ingest), [false; 4]);
        let monitoring = Principal::new(Identity::Monitoring, vec![]);
        assert!(monitoring.may(Permission::Monitoring) && !monitoring.may(Permission::Known));
    }

    #[test]
    fn a_role_covers_what_it_grants() {
        let admin = Principal::with_role(Identity::AdminToken, Role::Admin);
        let viewer = Principal::with_role(Identity::AdminToken, Role::Viewer);
        assert!(Principal::of_role(Role::Admin).covers(&viewer));
        assert!(!Principal::of_role(Role::Viewer).covers(&admin));
    }
}
