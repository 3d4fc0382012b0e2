from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [('orders', '0001_initial')]
    operations = [
        migrations.AddField(
            model_name='order',
            name='channel',
            field=models.CharField(max_length=16, null=True),
        ),
    ]
