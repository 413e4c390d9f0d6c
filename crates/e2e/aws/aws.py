"""AWS as a sandbox meets it: moto, with what moto does not look at checked before it.

An external id (the content of a file), the signature of every request, and that keys of a role are used for SECONDS
only. Prints the ports of
all services (plain, TLS) and a key of KMS, then a line for each request: the service, and the key's id or why it was refused.
"""

import json, re, sys, threading, time
from urllib.parse import parse_qs, quote

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.kms.models import kms_backends
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

BASE, SECRET, EXTERNAL_IDS, SECONDS, CERT, KEY = sys.argv[1:]
known = {BASE: (SECRET, None, None)}
moto = DomainDispatcherApplication(create_backend_app)


def external_id():
    try:
        return open(EXTERNAL_IDS).read()
    except FileNotFoundError:
        return "nobody's"


def refusal(code, message):
    body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    return Response(body, status=403, content_type="application/xml")


def signed(request):
    """Id of the key, scope, names of the headers, time, signature; whether it is presigned."""
    text = request.headers.get("Authorization", "")
    if text.startswith("AWS4-HMAC-SHA256 "):
        fields = dict(re.findall(r"(\w+)=([^, ]+)", text))
        time_of = request.headers["X-Amz-Date"]
        return fields["Credential"], fields["SignedHeaders"], time_of, fields["Signature"], False
    args = request.args
    if "X-Amz-Signature" in args:
        return (
            args["X-Amz-Credential"],
            args["X-Amz-SignedHeaders"],
            args["X-Amz-Date"],
            args["X-Amz-Signature"],
            True,
        )
    return None


def judge(request):
    found = signed(request)
    if not found:
        return None, "unsigned", refusal("AccessDenied", "unsigned")
    credential, names, time_of, signature, presigned = found
    identity, _, region, service, _ = credential.split("/")
    if identity not in known:
        return service, f"unknown {identity}", refusal("InvalidAccessKeyId", "unknown key")
    secret, token, until = known[identity]
    sent = request.args.get("X-Amz-Security-Token") if presigned else request.headers.get("X-Amz-Security-Token")
    if sent != token:
        return service, "token", refusal("InvalidToken", "not the token of this key")
    if until and time.time() > until:
        return service, "expired", refusal("ExpiredToken", "the key has come to its end")
    kind = S3SigV4QueryAuth if presigned else S3SigV4Auth if service == "s3" else SigV4Auth
    auth = kind(Credentials(identity, secret, token), service, region)
    url = request.environ["RAW_URI"]
    url = re.sub(r"[?&]X-Amz-Signature=[0-9a-f]+", "", url)
    headers = {name: request.headers[name] for name in names.split(";")}
    again = AWSRequest(request.method, f"https://{request.host}{url}", headers, request.get_data())
    again.context["timestamp"] = time_of
    if "x-amz-content-sha256" not in names.split(";") and not presigned and service == "s3":
        return service, "payload", refusal("AccessDenied", "x-amz-content-sha256 has to be signed")
    canonical = auth.canonical_request(again)
    if auth.signature(auth.string_to_sign(again, canonical), again) != signature:
        return service, "signature", refusal("SignatureDoesNotMatch", quote(canonical))
    return service, identity, None


def application(environ, start):
    request = Request(environ)
    body = request.get_data()
    service, told, refused = judge(request)
    form = parse_qs(body.decode("latin-1")) if service == "sts" else {}
    action = form.get("Action", [""])[0]
    if not refused and action == "AssumeRole" and form.get("ExternalId") != [external_id()]:
        refused = refusal("AccessDenied", "User is not authorized to perform: sts:AssumeRole")
        told = "external id"
    print(json.dumps([service, action, told]), flush=True)
    if refused:
        return refused(environ, start)
    environ["wsgi.input"] = __import__("io").BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    answer = Response.from_app(moto, environ)
    if action == "AssumeRole":
        text = answer.get_data(as_text=True)
        keys = [re.search(f"<{name}>(.*?)</{name}>", text).group(1) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
        known[keys[0]] = (keys[1], keys[2], time.time() + float(SECONDS))
        print(json.dumps(["keys", *keys[1:]]), flush=True)
    return answer(environ, start)


plain = make_server("127.0.0.1", 0, application, threaded=True)
tls = make_server("127.0.0.1", 0, application, threaded=True, ssl_context=(CERT, KEY))
key = kms_backends["123456789012"]["eu-west-1"].create_key("", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "", [], False)
print(json.dumps(["ports", plain.port, tls.port, key.arn]), flush=True)
threading.Thread(target=plain.serve_forever, daemon=True).start()
tls.serve_forever()
