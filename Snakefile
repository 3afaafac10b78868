include: "workflow/Snakefile"


# Targets of an included file are not run by default; this one hands them on.
localrules:
    default,


rule default:
    default_target: True
    input:
        rules.all.input,
