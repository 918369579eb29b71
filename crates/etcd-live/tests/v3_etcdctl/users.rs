//! `user`, `role`, `auth`.

use crate::ctl::Ctl;

fn made(ctl: &Ctl<'_>) {
    ctl.says(&["user", "add", "root:x"], "User root created");
    ctl.says(&["user", "add", "anna:y"], "User anna created");
    ctl.says(&["role", "add", "some"], "Role some created");
    ctl.says(&["role", "grant-permission", "some", "readwrite", "k"], "Role some updated");
    ctl.says(&["user", "grant-role", "anna", "some"], "Role some is granted to user anna");
    ctl.says(&["user", "grant-role", "root", "root"], "Role root is granted to user root");
}

pub(crate) fn users_and_roles_are_made_and_changed(ctl: &Ctl<'_>) {
    made(ctl);
    ctl.fails(&["user", "add", "anna:z"], "user name already exists");
    ctl.fails(&["role", "add", "some"], "role name already exists");
    ctl.says(&["user", "add", "bare", "--no-password"], "User bare created");
    ctl.says(&["user", "list"], "anna\nbare\nroot");
    ctl.says(&["user", "get", "anna"], "User: anna\nRoles: some");
    ctl.fails(&["user", "get", "nobody"], "user name not found");
    ctl.fails(&["user", "grant-role", "anna", "none"], "role name not found");
    let granted = "Role some updated";
    ctl.says(&["role", "grant-permission", "some", "read", "p/", "--prefix"], granted);
    ctl.says(&["role", "grant-permission", "some", "write", "z", "--from-key"], granted);
    let role =
        "Role some\nKV Read:\n\tk\n\t[p/, p0) (prefix p/)\nKV Write:\n\tk\n\t[z, <open ended>";
    ctl.says(&["role", "get", "some"], role);
    ctl.says(
        &["role", "revoke-permission", "some", "p/", "--prefix"],
        "Permission of range [p/, p0) is revoked from role some",
    );
    ctl.fails(&["role", "revoke-permission", "some", "x"], "permission is not granted to the role");
    ctl.says(&["user", "revoke-role", "anna", "some"], "Role some is revoked from user anna");
    ctl.says(&["user", "get", "anna"], "User: anna\nRoles:");
    ctl.says_for("new\n", &["user", "passwd", "anna", "--interactive=false"], "Password updated");
    ctl.says(&["user", "delete", "bare"], "User bare deleted");
    ctl.fails(&["user", "delete", "bare"], "user name not found");
    ctl.says(&["role", "delete", "some"], "Role some deleted");
    // It is there for whoever is given it, and listed once auth was enabled.
    ctl.says(&["role", "list"], "");
}

pub(crate) fn who_may_do_what_is_held_while_auth_is_on(ctl: &Ctl<'_>) {
    made(ctl);
    ctl.says(&["auth", "enable"], "Authentication Enabled");
    ctl.fails(&["put", "k", "1"], "user name is empty");
    ctl.fails(&["user", "list"], "user name is empty");
    let anna = ctl.by("--user=anna:y");
    anna.says(&["put", "k", "1"], "OK");
    anna.says(&["get", "k"], "k\n1");
    anna.says(&["user", "get", "anna"], "User: anna\nRoles: some");
    for refused in [
        &["get", "other"][..],
        &["put", "other", "1"],
        &["get", "k", "--prefix"],
        &["del", "k", "--from-key"],
        &["user", "list"],
        &["user", "get", "root"],
        &["role", "list"],
        &["auth", "disable"],
    ] {
        anna.fails(refused, "permission denied");
    }
    for liar in ["--user=anna:wrong", "--user=nobody:y"] {
        ctl.by(liar).fails(&["get", "k"], "authentication failed, invalid user ID or password");
    }
    let root = ctl.by("--user=root:x");
    root.says(&["user", "list"], "anna\nroot");
    root.says(&["put", "other", "1"], "OK");
    root.says(&["lock", "l", "/bin/echo", "held"], "held");
    root.fails(&["user", "delete", "root"], "invalid auth management");
    root.fails(&["role", "delete", "root"], "invalid auth management");
    root.says(&["role", "delete", "some"], "Role some deleted");
    anna.fails(&["get", "k"], "permission denied");
    root.says(&["auth", "disable"], "Authentication Disabled");
    ctl.says(&["get", "k"], "k\n1");
}
