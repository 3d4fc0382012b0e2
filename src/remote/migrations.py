"""Run by `manage.py shell -c`: prints what `migrate` would do, operation by operation, on descriptor 3, as two lines.

    databases  [{"alias", "vendor", "lock_timeout", "applied"}]
    migrations [{"app", "name", "database", "atomic", "operations": [{"op", ...}]}]

It judges nothing: src/core/migrations.ts does. Works with Django 3.2 to 5.x.
"""


def orchestrate():
    import json
    import os

    from django.db import connections, migrations, models, router
    from django.db.migrations.executor import MigrationExecutor
    from django.db.migrations.recorder import MigrationRecorder

    MANY = 100001  # rows are counted up to here: more is all the same
    no_default = getattr(models.fields, "NOT_PROVIDED")

    def rows(connection, table):
        """Rows of a table, counted up to MANY; 0 where there is no table; None where it can't be told."""
        try:
            with connection.cursor() as cursor:
                if table not in connection.introspection.table_names(cursor):
                    return 0
                cursor.execute("SELECT COUNT(*) FROM (SELECT 1 AS one FROM %s LIMIT %d) counted" % (connection.ops.quote_name(table), MANY))
                return cursor.fetchone()[0]
        except Exception:
            return None

    def field_facts(state, app, model, name, connection):
        """What the database knows of a field; None where the state has none, or can't be rendered."""
        field = state.apps.get_model(app, model)._meta.get_field(name)
        parameters = field.db_parameters(connection=connection)
        remote = field.remote_field.model._meta.label if field.remote_field else None
        db_default = getattr(field, "db_default", no_default)
        return {
            "kind": type(field).__name__,
            "column": field.column,
            "type": parameters["type"],
            "check": str(parameters.get("check") or "") or None,
            "null": field.null,
            "unique": bool(field.unique),
            "primary_key": field.primary_key,
            "indexed": bool(field.db_index),
            "collation": getattr(field, "db_collation", None),
            "many_to_many": bool(field.many_to_many),
            "generated": bool(getattr(field, "generated", False)),
            "references": remote if field.remote_field and not field.many_to_many and getattr(field, "db_constraint", False) else None,
            "default": field.has_default(),
            "db_default": None if db_default is no_default or db_default is None else constant(db_default),
        }

    def constant(value):
        """"constant", or "expression" where the database works it out."""
        expression = hasattr(value, "resolve_expression") and type(value).__name__ != "Value"
        return "expression" if expression else "constant"

    def table_of(state, app, model):
        return state.apps.get_model(app, model)._meta.db_table

    def facts(op, app, state, after, connection):
        """One operation as the judge wants it. `state` is before it, `after` behind it."""
        kind = type(op).__name__
        if not type(op).__module__.startswith("django."):
            return {"op": "unknown", "class": "%s.%s" % (type(op).__module__, kind)}
        said = {"op": kind}
        model = getattr(op, "model_name", None) or (op.name if isinstance(op, migrations.operations.models.ModelOperation) else None)
        if model:
            said["model"] = "%s.%s" % (app, model)
            known = after.models.get((app, model.lower())) or state.models.get((app, model.lower()))
            options = known.options if known else {}
            if not router.allow_migrate(connection.alias, app, model_name=model.lower()) or not options.get("managed", True) or options.get("proxy"):
                return {**said, "op": "nothing"}
        if kind == "RunPython":
            said["noop"] = op.code is migrations.RunPython.noop
        elif kind == "RunSQL":
            said["noop"] = op.sql in ("", [], ())
        if kind in ("RunPython", "RunSQL") and not router.allow_migrate(connection.alias, app, **op.hints):
            said["noop"] = True
        if kind in ("AddField", "AlterField"):
            said["field"] = op.name
            said["to"] = field_facts(after, app, model, op.name, connection)
        if kind in ("AlterField", "RemoveField"):
            said["field"] = op.name
            said["from"] = field_facts(state, app, model, op.name, connection)
        if kind == "RenameField":
            said["field"], said["new"] = op.old_name, op.new_name
            said["from"] = field_facts(state, app, model, op.old_name, connection)
            said["to"] = field_facts(after, app, model, op.new_name, connection)
        if kind in ("AddField", "AlterField", "AddIndex", "AlterIndexTogether"):
            said["rows"] = rows(connection, table_of(state, app, model))
        if kind == "RenameModel":
            said["new"] = op.new_name
        if kind == "AlterModelTable":
            said["from_table"], said["to_table"] = table_of(state, app, model), table_of(after, app, model)
        if kind in ("AlterUniqueTogether", "AlterIndexTogether"):
            before = {tuple(each) for each in state.models[app, model.lower()].options.get(op.option_name) or ()}
            behind = {tuple(each) for each in op.option_value or ()}
            said["added"], said["removed"] = len(behind - before), len(before - behind)
        if kind == "AlterOrderWithRespectTo":
            before = state.models[app, model.lower()].options.get("order_with_respect_to")
            said["changed"] = before != op.order_with_respect_to
        if kind in ("AddConstraint", "RemoveConstraint"):
            constraint = getattr(op, "constraint", None)
            if constraint is None:
                found = [each for each in state.models[app, model.lower()].options.get("constraints", []) if each.name == op.name]
                constraint = found[0] if found else None
            said["constraint"] = type(constraint).__name__
            said["name"] = getattr(constraint, "name", None)
        elif hasattr(op, "index") and op.index is not None:
            said["name"] = op.index.name
        elif kind in ("RemoveIndex", "RemoveIndexConcurrently", "ValidateConstraint"):
            said["name"] = op.name
        return said

    def step(op, app, state, connection):
        """The facts of one operation, of those in it, and the state behind it."""
        if type(op).__name__ == "SeparateDatabaseAndState" and type(op).__module__.startswith("django."):
            listed, database = [], state
            for each in op.database_operations:
                inner, database = step(each, app, database, connection)
                listed += inner
            after = state.clone()
            op.state_forwards(app, after)
            return listed or [{"op": "nothing"}], after
        after = state.clone()
        op.state_forwards(app, after)
        try:
            return [facts(op, app, state, after, connection)], after
        except Exception as error:
            return [{"op": "unknown", "class": type(op).__name__, "problem": "%s: %s" % (type(error).__name__, error)}], after

    def pending(alias):
        connection = connections[alias]
        executor = MigrationExecutor(connection)
        executor.loader.check_consistent_history(connection)
        conflicts = executor.loader.detect_conflicts()
        if conflicts:
            raise SystemExit("conflicting migrations: " + "; ".join("%s: %s" % (app, ", ".join(names)) for app, names in conflicts.items()))
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if not plan:
            return
        state = executor._create_project_state(with_applied_migrations=True)
        for migration, _ in plan:
            operations = []
            for op in migration.operations:
                listed, state = step(op, migration.app_label, state, connection)
                operations += listed
            yield {"app": migration.app_label, "name": migration.name, "database": alias, "atomic": migration.atomic, "operations": operations}

    def describe(alias):
        connection = connections[alias]
        applied = len(MigrationRecorder(connection).applied_migrations())
        said = {"alias": alias, "vendor": connection.vendor, "lock_timeout": None, "applied": applied}
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SHOW lock_timeout")
                said["lock_timeout"] = cursor.fetchone()[0]
        return said

    aliases = os.environ["ORCHESTRATE_DATABASES"].split() or list(connections)
    with os.fdopen(3, "w") as answer:
        databases = [describe(alias) for alias in aliases]
        found = [each for alias in aliases for each in pending(alias)]
        answer.write("databases %s\nmigrations %s\n" % (json.dumps(databases), json.dumps(found)))


orchestrate()
