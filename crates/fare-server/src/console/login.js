// Sends what was typed as JSON, which no form of another site can do.
"use strict";
const at = (id) => document.getElementById(id);

at("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  at("said").textContent = "";
  const body = JSON.stringify({ person: at("person").value, password: at("password").value });
  const headers = { "Content-Type": "application/json" };
  const button = at("login").querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch("/v1/session", { method: "POST", headers, body });
    if (answer.ok) {
      const next = new URLSearchParams(location.search).get("next") ?? "/";
      location.assign(/^\/[\w/-]*$/.test(next) && !next.startsWith("//") ? next : "/");
      return;
    }
    const problem = await answer.json();
    at("said").textContent = problem.detail;
    at("password").value = "";
    at(problem.field === "person" ? "person" : "password").focus();
  } catch {
    at("said").textContent = "The server does not answer. Try again.";
  } finally {
    button.disabled = false;
  }
});
