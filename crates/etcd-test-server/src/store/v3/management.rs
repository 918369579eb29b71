//! What the calls of users and roles do to the store.

use etcd_proto::grpc::Status;
use etcd_proto::v3::*;

use super::operation::{Operation, operations};
use super::{Context, Store};
use crate::version::Version;

operations! {
    |_request: AuthEnableRequest, store, context| {
        store.check_admin(context)?;
        store.auth.enable()?;
        Ok(AuthEnableResponse { header: store.full(context) })
    }
    |_request: AuthDisableRequest, store, context| {
        store.check_admin(context)?;
        store.auth.disable();
        Ok(AuthDisableResponse { header: store.full(context) })
    }
    |_request: AuthStatusRequest, store, context| {
        if store.version < Version::V3_7 {
            store.check_admin(context)?;
        }
        let (enabled, auth_revision) = (store.auth.is_enabled(), store.auth.revision());
        Ok(AuthStatusResponse { header: store.full(context), enabled, auth_revision })
    }
    |request: AuthenticateRequest, store, context| {
        let token = store.auth.authenticate(&request.name, &request.password, context.now)?;
        Ok(AuthenticateResponse { header: store.full(context), token })
    }
    |request: AuthUserAddRequest, store, context| {
        store.check_admin(context)?;
        store.auth.user_add(request)?;
        Ok(AuthUserAddResponse { header: store.full(context) })
    }
    |request: AuthUserGetRequest, store, context| {
        let caller = store.caller(context)?;
        let roles = store.auth.user_get(&caller, &request.name)?;
        Ok(AuthUserGetResponse { header: store.full(context), roles })
    }
    |_request: AuthUserListRequest, store, context| {
        store.check_admin(context)?;
        let users = store.auth.user_names();
        Ok(AuthUserListResponse { header: store.full(context), users })
    }
    |request: AuthUserDeleteRequest, store, context| {
        store.check_admin(context)?;
        store.auth.user_delete(&request.name)?;
        Ok(AuthUserDeleteResponse { header: store.full(context) })
    }
    |request: AuthUserChangePasswordRequest, store, context| {
        store.check_admin(context)?;
        store.auth.change_password(&request.name, &request.password)?;
        Ok(AuthUserChangePasswordResponse { header: store.full(context) })
    }
    |request: AuthUserGrantRoleRequest, store, context| {
        store.check_admin(context)?;
        store.auth.grant_role(&request.user, &request.role)?;
        Ok(AuthUserGrantRoleResponse { header: store.full(context) })
    }
    |request: AuthUserRevokeRoleRequest, store, context| {
        store.check_admin(context)?;
        store.auth.revoke_role(&request.name, &request.role)?;
        Ok(AuthUserRevokeRoleResponse { header: store.full(context) })
    }
    |request: AuthRoleAddRequest, store, context| {
        store.check_admin(context)?;
        store.auth.role_add(&request.name)?;
        Ok(AuthRoleAddResponse { header: store.full(context) })
    }
    |request: AuthRoleGetRequest, store, context| {
        let caller = store.caller(context)?;
        let perm = store.auth.role_get(&caller, &request.role)?;
        Ok(AuthRoleGetResponse { header: store.full(context), perm })
    }
    |_request: AuthRoleListRequest, store, context| {
        store.check_admin(context)?;
        let roles = store.auth.role_names();
        Ok(AuthRoleListResponse { header: store.full(context), roles })
    }
    |request: AuthRoleDeleteRequest, store, context| {
        store.check_admin(context)?;
        store.auth.role_delete(&request.role)?;
        Ok(AuthRoleDeleteResponse { header: store.full(context) })
    }
    |request: AuthRoleGrantPermissionRequest, store, context| {
        store.check_admin(context)?;
        store.auth.grant_permission(&request.name, request.perm.as_ref(), store.version)?;
        Ok(AuthRoleGrantPermissionResponse { header: store.full(context) })
    }
    |request: AuthRoleRevokePermissionRequest, store, context| {
        store.check_admin(context)?;
        store.auth.revoke_permission(&request.role, &request.key, &request.range_end)?;
        Ok(AuthRoleRevokePermissionResponse { header: store.full(context) })
    }
}
