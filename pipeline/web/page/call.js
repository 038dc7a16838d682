export const byId = (id) => document.getElementById(id);

const wrong = byId("wrong");

// call asks the API and returns its JSON; what it refuses is thrown as one line.
// A body is sent as JSON, or as it is when it is a Blob.
export async function call(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: body ? { "Content-Type": body instanceof Blob ? body.type : "application/json" } : {},
      body: body instanceof Blob ? body : body && JSON.stringify(body),
    });
  } catch {
    throw new Error("The program does not answer.");
  }
  const said = await answer.json().catch(() => ({ error: answer.statusText }));
  if (!answer.ok) throw new Error(said.error);
  return said;
}

// problem shows what went wrong, and fine takes it away.
export function problem(err) {
  wrong.textContent = err.message;
  wrong.hidden = false;
}

export function fine() {
  wrong.hidden = true;
}
