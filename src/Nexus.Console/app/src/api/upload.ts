import { csrf, problemOf, Problem } from './http';

/** Sends a file as it is, and tells how much of it went: fetch cannot tell. The key makes a repeated upload the same one. */
export function upload(path: string, file: File, key: string, onSent: (bytes: number) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', path);
    request.setRequestHeader('accept', 'application/json');
    request.setRequestHeader('content-type', file.type || 'application/octet-stream');
    request.setRequestHeader('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(file.name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)}`);
    request.setRequestHeader('idempotency-key', key);
    const token = csrf.get();
    if (token) request.setRequestHeader('x-csrf-token', token);
    request.upload.onprogress = (event) => onSent(event.loaded);
    request.onload = () => (request.status < 400 ? resolve() : reject(problemOf(request.status, request.statusText, request.responseText, (name) => request.getResponseHeader(name))));
    request.onerror = () => reject(new Problem(0, 'OFFLINE', 'The server was not reached', 'The file was not attached. Try again when the server answers.', null, []));
    request.onabort = () => reject(new DOMException('', 'AbortError'));
    signal.addEventListener('abort', () => request.abort());
    request.send(file);
  });
}
