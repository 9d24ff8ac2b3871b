from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("publishing", "0001_initial")]

    operations = [
        migrations.AddField("generation", "steps", models.JSONField(editable=False, null=True)),
    ]
