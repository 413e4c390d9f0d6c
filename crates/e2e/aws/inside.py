"""What a program does in a sandbox with an SDK of AWS, as its documentation says it."""

import os, sys, time, urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

BUCKET = "errand-bucket"


def refused(act):
    try:
        act()
    except ClientError as error:
        return f"{error.response['Error']['Code']}: {error.response['Error'].get('Message', '')}"
    return "NOT REFUSED"


s3 = boto3.client("s3")
print("WHO", boto3.client("sts").get_caller_identity()["Arn"])
s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": os.environ["AWS_REGION"]})
s3.put_object(Bucket=BUCKET, Key="a key/with+signs ü", Body=b"hello", Metadata={"one": " two  words "})
print("GET", s3.get_object(Bucket=BUCKET, Key="a key/with+signs ü")["Body"].read())
print("PART", s3.get_object(Bucket=BUCKET, Key="a key/with+signs ü", Range="bytes=1-2")["Body"].read())
large = os.urandom(9 * 1024 * 1024)
open("large", "wb").write(large)
s3.upload_file("large", BUCKET, "large")
s3.download_file(BUCKET, "large", "again")
print("LARGE", open("again", "rb").read() == large)
print("LIST", sorted(it["Key"] for it in s3.list_objects_v2(Bucket=BUCKET)["Contents"]))
s3v4 = boto3.client("s3", config=Config(signature_version="s3v4"))
url = s3v4.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "a key/with+signs ü"}, 60)
print("PRESIGNED", urllib.request.urlopen(url, timeout=20).read())
put = s3v4.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": "put"}, 60)
asked = urllib.request.Request(put, b"by address", {"Content-Type": ""}, method="PUT")
print("PUT", urllib.request.urlopen(asked, timeout=20).status)
queue = boto3.client("sqs").create_queue(QueueName="errand")["QueueUrl"]
print("QUEUE", queue)
print("ASSUME", refused(lambda: boto3.client("sts").assume_role(RoleArn="arn:aws:iam::123456789012:role/x", RoleSessionName="me")))
other = boto3.Session(aws_access_key_id="ASIAATTACKERATTACKER", aws_secret_access_key="x" * 40)
print("FOREIGN", refused(lambda: other.client("s3").list_buckets()))
anonymous = boto3.client("s3", config=Config(signature_version=__import__("botocore").UNSIGNED))
print("ANONYMOUS", refused(lambda: anonymous.put_object(Bucket=BUCKET, Key="x", Body=b"x")))
wrong = boto3.client("s3", region_name="us-east-1", endpoint_url="https://s3.eu-west-1.amazonaws.com")
print("REGION", refused(lambda: wrong.list_buckets()))
for _ in range(int(sys.argv[1])):
    time.sleep(2)
    print("AGAIN", len(s3.list_objects_v2(Bucket=BUCKET)["Contents"]))
