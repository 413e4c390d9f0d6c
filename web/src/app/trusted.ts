// TRUST: the page runs under `require-trusted-types-for 'script'`. The one string a library of ours
// (the live announcer) writes as markup is the empty one; everything else stays refused.

interface TrustedTypes {
  createPolicy(name: string, rules: { createHTML(text: string): string }): unknown;
}

const trustedTypes: unknown = Reflect.get(globalThis, "trustedTypes");

if (isTrustedTypes(trustedTypes)) {
  trustedTypes.createPolicy("default", {
    createHTML(text) {
      if (text !== "") throw new TypeError("markup from text is refused");
      return "";
    },
  });
}

function isTrustedTypes(value: unknown): value is TrustedTypes {
  return typeof value === "object" && value !== null && "createPolicy" in value;
}
